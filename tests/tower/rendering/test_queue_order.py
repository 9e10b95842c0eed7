"""New scheduled times for the runs of a moved job, computed without a server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from db.models.jobs import JobStatus, JobType, Stage
from tower.rendering.live_jobs import LiveJob
from tower.rendering.queue_listing import QueuedJob, WaitingRun
from tower.rendering.queue_order import reschedule_times

NOON = datetime(2025, 11, 5, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def build_queued_job(number: int, *ticks: int) -> QueuedJob:
    """Job `number` with its runs, each due at that many ticks after noon."""
    runs = [WaitingRun(uuid.UUID(int=number * 100 + n), NOON + TICK * tick) for n, tick in enumerate(ticks)]
    return QueuedJob(build_live_job(number), (), runs)


def build_live_job(number: int) -> LiveJob:
    return LiveJob(
        id=number,
        job_type=JobType.STANDARD,
        status=JobStatus.PROCESSING,
        stage=Stage.QUEUED,
        progress=0.0,
        project_id=None,
        prompt="a shrine",
        flow_run_id=None,
        started_at=None,
        waits_for=(),
        is_launching=False,
        engine="auto",
        workflow=None,
        pixels=1,
    )


def order_after(order: list[QueuedJob], index: int) -> list[int]:
    """The jobs in the order in which Prefect would start their runs, once the new times are set."""
    times = {run.flow_run_id: run.scheduled_for for queued_job in order for run in queued_job.waiting_runs} | dict(
        reschedule_times(order, index, now=NOON)
    )
    assert len(set(times.values())) == len(times)
    return [run_id.int // 100 for run_id in sorted(times, key=times.__getitem__)]


def test_all_runs_of_a_job_move_between_its_new_neighbours() -> None:
    assert order_after([build_queued_job(1, 0), build_queued_job(3, 5000, 6000), build_queued_job(2, 1000)], 1) == [
        1,
        3,
        3,
        2,
    ]
    assert order_after([build_queued_job(3, 5000), build_queued_job(1, 0), build_queued_job(2, 1000)], 0) == [3, 1, 2]
    assert order_after([build_queued_job(2, 1000), build_queued_job(3, 5000), build_queued_job(1, 0)], 2) == [2, 3, 1]


def test_neighbours_without_room_between_them_move_apart() -> None:
    assert order_after(
        [build_queued_job(1, 0), build_queued_job(2, 1), build_queued_job(4, 9000), build_queued_job(3, 2)], 2
    ) == [1, 2, 4, 3]


def test_interleaved_runs_of_other_jobs_are_grouped_by_job() -> None:
    assert order_after([build_queued_job(1, 0, 500), build_queued_job(3, 9000), build_queued_job(2, 100)], 1) == [
        1,
        1,
        3,
        2,
    ]


def test_a_hundred_moves_into_the_same_gap_keep_their_order() -> None:
    order = [build_queued_job(0, 0), build_queued_job(101, 1_000_000)]
    for number in range(1, 101):
        order.insert(1, build_queued_job(number, 2_000_000))
        times = dict(reschedule_times(order, 1, now=NOON))
        order = [
            QueuedJob(
                queued_job.job,
                (),
                [WaitingRun(r.flow_run_id, times.get(r.flow_run_id, r.scheduled_for)) for r in queued_job.waiting_runs],
            )
            for queued_job in order
        ]
        due = [run.scheduled_for for queued_job in order for run in queued_job.waiting_runs]
        assert due == sorted(set(due))
