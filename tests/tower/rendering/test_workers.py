"""Workers with failed and successful renders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.rendering import workers
from tower.rendering.failure_limits import UNWELL_AFTER_FAILURES

NAME = "gpu@box"
AWAY = RenderError("ComfyUI does not answer", code=ErrorCode.COMFYUI_UNREACHABLE)


@pytest.fixture
def worker(session: Session) -> Worker:
    worker = Worker(name=NAME, host="box", slots=1, engine="comfyui")
    session.add(worker)
    session.flush()
    return worker


def fails(session: Session, times: int) -> None:
    for _ in range(times):
        workers.record_failure(session, NAME, AWAY)
    session.flush()


def test_three_failures_in_a_row_make_a_worker_unhealthy_with_a_reason(session: Session, worker: Worker) -> None:
    fails(session, UNWELL_AFTER_FAILURES - 1)
    assert worker.state == WorkerState.READY
    fails(session, 1)
    assert (worker.state, worker.last_failure_code) == (WorkerState.UNWELL, "COMFYUI_UNREACHABLE")


def test_a_success_resets_the_count_of_failures(session: Session, worker: Worker) -> None:
    fails(session, UNWELL_AFTER_FAILURES - 1)
    workers.record_success(session, NAME)
    session.refresh(worker)
    fails(session, UNWELL_AFTER_FAILURES - 1)
    assert worker.state == WorkerState.READY


@pytest.mark.parametrize(
    ("code", "counts"), [("COMFYUI_OOM", True), ("COMFYUI_REFUSED", False), ("NOT_AS_ASKED", False)]
)
def test_only_faults_of_the_worker_itself_count(code: str, counts: bool) -> None:
    assert workers.is_worker_fault(RenderError("x", code=ErrorCode[code])) is counts


def test_slots_are_counted_over_healthy_online_workers(session: Session, worker: Worker) -> None:
    other = Worker(name="gpu@other", host="other", slots=3, engine="animatic")
    session.add(other)
    session.flush()
    assert workers.count_pool_slots(session) == 4
    fails(session, UNWELL_AFTER_FAILURES)
    assert workers.count_pool_slots(session) == 3
    other.seen_at = datetime.now(UTC) - timedelta(hours=1)
    session.flush()
    assert workers.count_pool_slots(session) is None
