"""Which Prefect workers this machine runs, and what each of them takes."""

from __future__ import annotations

from dataclasses import dataclass

from deployments import environment
from tower.engines.choice import ANY_WORKER, queue_of, usable
from tower.settings import Settings

POOLS = ("cpu", "gpu")


@dataclass(frozen=True)
class WorkerPlan:
    """One worker. `part` names its process and its log on this machine, `name` the worker everywhere.

    `slots`: runs at once; None: as many as its pool allows. `queues`: those that it takes runs from; none: all.
    """

    pool: str
    part: str
    name: str
    slots: int | None
    queues: tuple[str, ...]


def of_stack(settings: Settings, pool: str) -> WorkerPlan:
    """The worker that `tower up` keeps for this pool."""
    return _plan(settings, pool, environment.worker_name(pool, settings.data), part=f"worker-{pool}")


def by_itself(settings: Settings, pool: str, label: str | None = None) -> WorkerPlan:
    """A worker beside the stack's, perhaps on another machine.

    Those on one data folder are told apart by their labels, or else by their ComfyUI.
    """
    name = environment.worker_name(label or pool, settings.data, pool, label or settings.comfyui_url or "")
    return _plan(settings, pool, name, part=f"worker-{name}")


def _plan(settings: Settings, pool: str, name: str, *, part: str) -> WorkerPlan:
    if pool == "cpu":
        return WorkerPlan(pool, part, name, slots=None, queues=())
    queues = tuple(sorted({ANY_WORKER, *map(queue_of, usable(settings))}))
    return WorkerPlan(pool, part, name, slots=settings.gpu_slots, queues=queues)
