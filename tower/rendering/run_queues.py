"""Why no run begins now: Prefect does not answer, a pool or queue is stopped, or no worker is there for recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tower.clients.answer_cache import AnswerCache
from tower.clients.prefect import PrefectClient, PrefectRefusedError, WorkPool, WorkQueue
from tower.engines.choice import DEFAULT_QUEUE, work_queue_for
from tower.errors import UnavailableError
from tower.rendering.queue_listing import GPU_POOL

RECIPE_POOL = "cpu"
NO_RECIPE_WORKER = "no cpu worker is there: start one with `tower up` or `tower worker cpu`"
SILENT_S = 90.0  # without a heartbeat, a worker is gone: it sends one every 30 s
FRESH_S = 1.0
WAIT_S = 1.5  # below the time that GET /status has for all its parts


@dataclass(frozen=True)
class RunQueuesView:
    """What Prefect said. `problem`: why it said nothing. `stops`: why a queue gives no run, by pool and queue.

    `has_recipe_worker`: whether a worker of the cpu pool is there. The gpu workers report themselves to Tower.
    """

    problem: str | None = None
    stops: Mapping[tuple[str, str], str] = field(default_factory=dict)
    has_recipe_worker: bool = True

    @property
    def recipe_stop(self) -> str | None:
        """Why no recipe begins."""
        stop = self.problem or self.stops.get((RECIPE_POOL, DEFAULT_QUEUE))
        return stop or (None if self.has_recipe_worker else NO_RECIPE_WORKER)


class RunQueues:
    """The queues in which the runs of jobs wait, as this process saw them within the last second. Thread-safe."""

    def __init__(self, prefect: PrefectClient, *, fresh_s: float = FRESH_S) -> None:
        self._prefect = prefect
        self._cache: AnswerCache[RunQueuesView] = AnswerCache(fresh_s=fresh_s, wait_s=WAIT_S, threads=1)

    def find_stop(self, engine: str, *, begins: bool, waits: bool = True) -> str | None:
        """Why no segment for this engine, or if the job `begins` not even its recipe, is given to a worker.

        A caller that does not wait gets the last answer.
        """
        view = self._view(waits=waits)
        recipe = view.recipe_stop if begins else view.problem
        return recipe or view.stops.get((GPU_POOL, work_queue_for(engine)))

    def find_recipe_stop(self) -> str | None:
        """Why no recipe begins, as that of a film, which renders nothing itself. It gives the last answer."""
        return self._view(waits=False).recipe_stop

    def close(self) -> None:
        self._cache.close()

    def _view(self, *, waits: bool) -> RunQueuesView:
        view = self._cache.get("queues", self._ask, waits=waits)
        if view is None:
            late = f"Prefect does not answer at {self._prefect.url}: it took too long"
            return RunQueuesView(problem=late if waits else None)
        return view

    def _ask(self) -> RunQueuesView:
        try:
            return RunQueuesView(stops=dict(self._list_stops()), has_recipe_worker=self._has_recipe_worker())
        except UnavailableError as error:
            return RunQueuesView(problem=error.message)

    def _list_stops(self) -> Iterator[tuple[tuple[str, str], str]]:
        for name in (RECIPE_POOL, GPU_POOL):
            try:
                pool, queues = self._prefect.get_work_pool(name), self._prefect.list_queues(name)
            except PrefectRefusedError:
                continue  # it has no such pool yet: a launch says so
            for queue in queues:
                if (reason := _describe_stop(pool, queue)) is not None:
                    yield (name, queue.name), reason

    def _has_recipe_worker(self) -> bool:
        try:
            workers = self._prefect.list_workers(RECIPE_POOL)
        except PrefectRefusedError:
            return True  # it has no such pool yet: a launch says so
        return any(worker.silent_s is not None and worker.silent_s < SILENT_S for worker in workers)


def _describe_stop(pool: WorkPool, queue: WorkQueue) -> str | None:
    name = f"the work pool {pool.name}"
    if pool.is_paused:
        return f"{name} is paused: resume it " + ("by POST /queue/resume or " * (pool.name == GPU_POOL)) + "in Prefect"
    if pool.slots == 0:
        return f"{name} runs nothing: its concurrency limit in Prefect is 0"
    if queue.is_paused:
        return f"the queue {queue.name} of {name} is paused: resume it in Prefect"
    return f"the queue {queue.name} of {name} runs nothing: its limit in Prefect is 0" if queue.slots == 0 else None
