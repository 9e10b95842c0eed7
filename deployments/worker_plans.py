"""Which Prefect workers this machine runs, and what each of them takes."""

from __future__ import annotations

from dataclasses import dataclass

from deployments import environment
from tower.settings import Settings

POOLS = ("cpu", "gpu")
ANY_WORKER = "default"  # as in tower/jobs/flow_runs.py, which would load SQLAlchemy into every supervisor


@dataclass(frozen=True)
class WorkerPlan:
    """One worker. `part` names its process and its log on this machine, `name` the worker everywhere.

    `slots`: runs at once; None: as many as its pool allows. `queue`: the only queue that it takes runs from; None: all.
    """

    pool: str
    part: str
    name: str
    slots: int | None
    queue: str | None


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
        return WorkerPlan(pool, part, name, slots=None, queue=None)
    queue = ANY_WORKER if settings.comfyui_url is None else None
    return WorkerPlan(pool, part, name, slots=settings.gpu_slots, queue=queue)
