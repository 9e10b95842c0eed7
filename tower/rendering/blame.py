"""Decides whose fault a failed render is: the worker's, or the shot's.

Some failures are the worker's beyond doubt: no answer of its ComfyUI, a full disk, a failed graphics device. Others, as
out of memory, are the worker's if they meet different shots one after another, and the shot's if other shots render.
While other shots wait for the worker, a failed one waits for what becomes of them. A server that answers that it has
no such model or node class is well: another worker may have it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum, auto

from sqlalchemy import any_, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobType, ProductionJob
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
MAX_SHOT_FAILURES = 3  # of one segment on workers that may be at fault
MAX_INTERRUPTIONS = 2  # of one segment
ABSENT_CODES = frozenset({ErrorCode.COMFYUI_MISSING_MODEL, ErrorCode.COMFYUI_MISSING_NODE})
_PLACE = re.compile(r"at node \S+ \([^)]*\)|\d+")  # differs between shots that fail alike


class Verdict(Enum):
    """What becomes of a failed segment. WAIT: other shots on its worker will tell whose fault it is."""

    RETRY = auto()
    WAIT = auto()
    FAIL = auto()


def count_shots_failing_alike(session: Session, worker: str, code: str, message: str) -> int:
    """The number of different shots that failed with this error on the worker since it last rendered one."""
    last_success = select(func.max(RenderSegment.ended_at)).where(
        RenderSegment.worker == worker, RenderSegment.state == SegmentState.COMPLETED
    )
    failed = select(RenderSegment.fingerprint, RenderSegment.error_message).where(
        RenderSegment.worker == worker,
        RenderSegment.state == SegmentState.FAILED,
        RenderSegment.error_code == code,
        RenderSegment.ended_at > func.coalesce(last_success.scalar_subquery(), EARLIEST),
    )
    reason = _reason_of(message)
    return len({fingerprint for fingerprint, found in session.execute(failed) if _reason_of(found or "") == reason})


def judge_failure(session: Session, row: RenderSegment) -> Verdict:
    """Judge a failed segment by its error, its earlier failures, and what its worker did since."""
    code = row.error_code or ""
    failed = select(RenderSegment.worker).where(
        RenderSegment.job_id == row.job_id,
        RenderSegment.segment == row.segment,
        RenderSegment.round == row.round,
        RenderSegment.state == SegmentState.FAILED,
    )
    workers = list(session.scalars(failed))
    may_repeat = len(workers) < MAX_SERVER_FAILURES
    if code in SERVER_FAULT_CODES or (code in SUSPECTED_CODES and _has_another_worker(session, row.engine, workers)):
        return _retry_if(may_repeat)
    if code in RETRIED_CODES:
        return _retry_if(len(workers) < MAX_INTERRUPTIONS)
    if code not in SUSPECTED_CODES - ABSENT_CODES or _rendered_another_since(session, row):
        return Verdict.FAIL
    if _is_unwell(session, row.worker):
        return _retry_if(len(workers) < MAX_SHOT_FAILURES)
    return Verdict.WAIT if _others_will_tell(session, row) else Verdict.FAIL


def _retry_if(condition: bool) -> Verdict:
    return Verdict.RETRY if condition else Verdict.FAIL


def _reason_of(message: str) -> str:
    """The error without the node and the numbers, which differ between shots."""
    return _PLACE.sub("", message)


def _rendered_another_since(session: Session, row: RenderSegment) -> bool:
    """Whether the worker has rendered another shot since this failure, so that it is well."""
    later = select(RenderSegment.id).where(
        RenderSegment.worker == row.worker,
        RenderSegment.state == SegmentState.COMPLETED,
        RenderSegment.fingerprint != row.fingerprint,
        RenderSegment.ended_at > row.ended_at,
    )
    return session.scalar(later.limit(1)) is not None


def _others_will_tell(session: Session, row: RenderSegment) -> bool:
    """Whether another shot renders or waits for this engine, or another job will soon have one."""
    others = select(RenderSegment.id).where(
        RenderSegment.engine == row.engine,
        RenderSegment.state.in_((SegmentState.QUEUED, SegmentState.PROCESSING)),
        RenderSegment.fingerprint != row.fingerprint,
    )
    preparing = select(ProductionJob.id).where(
        ProductionJob.status.in_(LIVE_STATUSES),
        ProductionJob.id != row.job_id,
        ProductionJob.job_type != JobType.FILM,
        ~exists().where(RenderSegment.job_id == ProductionJob.id),
    )
    return any(session.scalar(found.limit(1)) is not None for found in (others, preparing))


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
