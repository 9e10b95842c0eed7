"""Why no run begins now: Prefect does not answer, or the pool or the queue in which a run waits is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tower.clients.answer_cache import AnswerCache
from tower.clients.prefect import PrefectClient, PrefectRefusedError, WorkPool, WorkQueue
from tower.engines.choice import DEFAULT_QUEUE, work_queue_for
from tower.errors import UnavailableError
from tower.rendering.queue_listing import GPU_POOL

RECIPE_POOL = "cpu"
FRESH_S = 1.0
WAIT_S = 1.5  # below the time that GET /status has for all its parts


@dataclass(frozen=True)
class RunQueuesView:
    """What Prefect said. `problem`: why it said nothing. `stops`: why a queue gives no run, by pool and queue."""

    problem: str | None = None
    stops: Mapping[tuple[str, str], str] = field(default_factory=dict)


class RunQueues:
    """The queues in which the runs of jobs wait, as this process saw them within the last second. Thread-safe."""

    def __init__(self, prefect: PrefectClient, *, fresh_s: float = FRESH_S) -> None:
        self._prefect = prefect
        self._cache: AnswerCache[RunQueuesView] = AnswerCache(fresh_s=fresh_s, wait_s=WAIT_S, threads=1)

    def find_stop(self, engine: str, *, begins: bool, waits: bool = True) -> str | None:
        """Why no segment for this engine, or if the job `begins` not even its recipe, is given to a worker.

        A caller that does not wait gets the last answer.
        """
        view = self._cache.get("queues", self._ask, waits=waits)
        if view is None:
            return f"Prefect does not answer at {self._prefect.url}: it took too long" if waits else None
        recipe = view.stops.get((RECIPE_POOL, DEFAULT_QUEUE)) if begins else None
        return view.problem or recipe or view.stops.get((GPU_POOL, work_queue_for(engine)))

    def close(self) -> None:
        self._cache.close()

    def _ask(self) -> RunQueuesView:
        try:
            return RunQueuesView(stops=dict(self._list_stops()))
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


def _describe_stop(pool: WorkPool, queue: WorkQueue) -> str | None:
    name = f"the work pool {pool.name}"
    if pool.is_paused:
        return f"{name} is paused: resume it " + ("by POST /queue/resume or " * (pool.name == GPU_POOL)) + "in Prefect"
    if pool.slots == 0:
        return f"{name} runs nothing: its concurrency limit in Prefect is 0"
    if queue.is_paused:
        return f"the queue {queue.name} of {name} is paused: resume it in Prefect"
    return f"the queue {queue.name} of {name} runs nothing: its limit in Prefect is 0" if queue.slots == 0 else None
