"""New times for the runs of a moved job, without a server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from db.models.jobs import ProductionJob
from tower.rendering.queue_listing import QueuedJob, WaitingRun
from tower.rendering.queue_order import reschedule_times

NOON = datetime(2025, 11, 5, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def queued(number: int, *ticks: int) -> QueuedJob:
    """Job `number`, with a run due so many ticks after noon each."""
    runs = [WaitingRun(uuid.UUID(int=number * 100 + n), NOON + TICK * tick) for n, tick in enumerate(ticks)]
    return QueuedJob(ProductionJob(id=number), (), runs)


def order_after(order: list[QueuedJob], index: int) -> list[int]:
    """The jobs in the order in which Prefect would take their runs, once the new times are set."""
    times = {run.flow_run_id: run.scheduled_for for one in order for run in one.waiting_runs} | dict(
        reschedule_times(order, index)
    )
    assert len(set(times.values())) == len(times)
    return [run_id.int // 100 for run_id in sorted(times, key=times.__getitem__)]


def test_the_runs_of_a_job_come_together_between_its_neighbours() -> None:
    assert order_after([queued(1, 0), queued(3, 5000, 6000), queued(2, 1000)], 1) == [1, 3, 3, 2]
    assert order_after([queued(3, 5000), queued(1, 0), queued(2, 1000)], 0) == [3, 1, 2]
    assert order_after([queued(2, 1000), queued(3, 5000), queued(1, 0)], 2) == [2, 3, 1]


def test_where_there_is_no_room_the_neighbours_make_some() -> None:
    assert order_after([queued(1, 0), queued(2, 1), queued(4, 9000), queued(3, 2)], 2) == [1, 2, 4, 3]


def test_runs_of_other_jobs_that_lie_mixed_are_sorted_out() -> None:
    assert order_after([queued(1, 0, 500), queued(3, 9000), queued(2, 100)], 1) == [1, 1, 3, 2]


def test_a_hundred_moves_into_the_same_gap_keep_their_order() -> None:
    order = [queued(0, 0), queued(101, 1_000_000)]
    for number in range(1, 101):
        order.insert(1, queued(number, 2_000_000))
        times = dict(reschedule_times(order, 1))
        order = [
            QueuedJob(
                one.job,
                (),
                [WaitingRun(r.flow_run_id, times.get(r.flow_run_id, r.scheduled_for)) for r in one.waiting_runs],
            )
            for one in order
        ]
        due = [run.scheduled_for for one in order for run in one.waiting_runs]
        assert due == sorted(set(due))
