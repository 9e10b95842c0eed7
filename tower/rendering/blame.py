"""Decides whose fault a failed render is: the worker's, or the shot's.

Some failures are the worker's beyond doubt: no answer of its ComfyUI, a full disk, a failed graphics device. Others, as
out of memory, are the worker's if they meet different shots one after another, and the shot's if other shots render.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import any_, func, literal, or_, select
from sqlalchemy.orm import Session

from db.models.rendering import RenderSegment, SegmentState
from db.models.workers import Worker, WorkerState
from tower.clients.comfyui.errors import SERVER_FAULTS, SUSPECTED_FAULTS, ComfyUIFault
from tower.engines.installed import EngineUnavailableError
from tower.errors.codes import ErrorCode
from tower.media.files import DiskFullError
from tower.rendering.failure_limits import SEEN_RECENTLY

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
SERVER_FAULT_CODES = SERVER_FAULTS | {DiskFullError.code}
SUSPECTED_CODES = SUSPECTED_FAULTS | {EngineUnavailableError.code}
SICK_CODES = frozenset({ComfyUIFault.SICK, ComfyUIFault.LOCKED, DiskFullError.code})  # one failure says all
RETRIED_CODES = frozenset(
    {ErrorCode.COMFYUI_INTERRUPTED, ErrorCode.COMFYUI_STOPPED_BEFORE}
)  # by other users of ComfyUI
MAX_SERVER_FAILURES = 12  # of one segment; with the growing rests of its worker they take more than half an hour
MAX_SHOT_FAILURES = 2  # of one segment on workers that may be at fault


def count_shots_failing_alike(session: Session, worker: str, code: str) -> int:
    """The number of different shots that failed with this code on the worker since it last rendered one."""
    of_worker = RenderSegment.worker == worker
    last_success = select(func.max(RenderSegment.ended_at)).where(
        of_worker, RenderSegment.state == SegmentState.COMPLETED
    )
    failed = select(func.count(RenderSegment.fingerprint.distinct())).where(
        of_worker,
        RenderSegment.state == SegmentState.FAILED,
        RenderSegment.error_code == code,
        RenderSegment.ended_at > func.coalesce(last_success.scalar_subquery(), EARLIEST),
    )
    return int(session.scalar(failed) or 0)


def deserves_another_attempt(session: Session, row: RenderSegment) -> bool:
    """Whether a failed segment is rendered again, because its worker was at fault or another one may succeed."""
    code = row.error_code or ""
    failed = select(RenderSegment.worker).where(
        RenderSegment.job_id == row.job_id,
        RenderSegment.segment == row.segment,
        RenderSegment.round == row.round,
        RenderSegment.state == SegmentState.FAILED,
    )
    workers = list(session.scalars(failed))
    if code in SERVER_FAULT_CODES:
        return len(workers) < MAX_SERVER_FAILURES
    if code not in SUSPECTED_CODES:
        return False
    if len(workers) < MAX_SHOT_FAILURES and (code in RETRIED_CODES or _is_unwell(session, row.worker)):
        return True
    return len(workers) < MAX_SERVER_FAILURES and _has_another_worker(session, row.engine, workers)


def _is_unwell(session: Session, name: str | None) -> bool:
    return session.scalar(select(Worker.state).where(Worker.name == name)) == WorkerState.UNWELL


def _has_another_worker(session: Session, engine: str, tried: list[str | None]) -> bool:
    others = select(Worker.name).where(
        Worker.state == WorkerState.READY,
        Worker.seen_at > func.now() - SEEN_RECENTLY,
        or_(Worker.engine == engine, literal(engine) == any_(Worker.engines)),
        Worker.name.not_in([name for name in tried if name is not None]),
    )
    return session.scalar(others.limit(1)) is not None
