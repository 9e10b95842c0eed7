"""The Prefect workers of this machine: their names, slots and queues."""

from __future__ import annotations

from dataclasses import dataclass

from deployments import environment
from tower.engines.choice import DEFAULT_QUEUE, list_usable_engines, work_queue_for
from tower.settings import Settings

POOLS = ("cpu", "gpu")


@dataclass(frozen=True)
class WorkerPlan:
    """One worker. `process_name` names its process and log on this machine; `name` is unique across machines.

    `slots` is the number of concurrent runs; None leaves it to the pool. Without `queues` the worker polls all.
    """

    pool: str
    process_name: str
    name: str
    slots: int | None
    queues: tuple[str, ...]


def plan_stack_worker(settings: Settings, pool: str) -> WorkerPlan:
    """The worker of this pool that `tower up` runs."""
    return _plan(settings, pool, environment.build_worker_name(pool, settings.data), part=f"worker-{pool}")


def plan_standalone_worker(settings: Settings, pool: str, label: str | None = None) -> WorkerPlan:
    """A worker in addition to the stack's, possibly on another machine.

    Its label, or else its ComfyUI, distinguishes it from others on the same data folder.
    """
    name = environment.build_worker_name(label or pool, settings.data, pool, label or settings.comfyui_url or "")
    return _plan(settings, pool, name, part=f"worker-{name}")


def _plan(settings: Settings, pool: str, name: str, *, part: str) -> WorkerPlan:
    if pool == "cpu":
        return WorkerPlan(pool, part, name, slots=None, queues=())
    queues = tuple(sorted({DEFAULT_QUEUE, *map(work_queue_for, list_usable_engines(settings))}))
    return WorkerPlan(pool, part, name, slots=settings.gpu_slots, queues=queues)
