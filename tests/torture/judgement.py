"""What became of a job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select

from db.engine import SessionFactory
from db.models.jobs import JobType, ProductionJob
from db.models.rendering import Asset, RenderSegment, SegmentState
from tests.torture.jobs import FPS, SECONDS
from tower.errors import TowerError
from tower.media.probe import probe

ASSETS = {JobType.STANDARD: 1, JobType.FAST: 2, JobType.INTEGRATED: 2}  # the take, and what is made from it
RENDERS = {JobType.STANDARD: 1, JobType.FAST: 1, JobType.INTEGRATED: 1}


class Outcome(StrEnum):
    """All but the first are faults."""

    COMPLETED = "completed"
    FAILED = "failed"
    HUNG = "hung"
    LOST = "lost"
    DOUBLE = "double"
    FALSE = "false"


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    reason: str = ""


def judge(sessions: SessionFactory, job_id: int) -> Verdict:
    """Judge a job that should have ended well: with one take, and one file that plays in full."""
    with sessions() as session:
        job = session.get(ProductionJob, job_id)
        assets = session.scalars(select(Asset).filter_by(job_id=job_id)).all()
        renders = session.scalars(select(RenderSegment.id).filter_by(job_id=job_id, state=SegmentState.COMPLETED)).all()
    if job is None:
        return Verdict(Outcome.LOST, f"generation {job_id} is not in the database")
    if job.status != "completed":
        return Verdict(Outcome.FAILED, f"{job.status}, {job.error_code}: {job.error_message}")
    if fault := _find_fault(job):
        return fault
    if (len(assets), len(renders)) != (ASSETS[job.job_type], RENDERS[job.job_type]):
        return Verdict(Outcome.DOUBLE, f"{len(assets)} assets and {len(renders)} completed renders")
    return Verdict(Outcome.COMPLETED)


def _find_fault(job: ProductionJob) -> Verdict | None:
    if job.output_path is None or not Path(job.output_path).is_file():
        return Verdict(Outcome.FALSE, f"completed without a file: {job.output_path}")
    try:
        frames = probe(Path(job.output_path)).frames
    except TowerError as error:
        return Verdict(Outcome.FALSE, error.message)
    return None if frames == SECONDS * FPS else Verdict(Outcome.FALSE, f"{frames} frames")
