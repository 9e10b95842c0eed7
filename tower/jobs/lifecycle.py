"""The life of a job around its runs: it is opened, found, cancelled, launched again and retried.

The row is authoritative. What a run writes to it is in `tower.jobs.attempts`.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobStatus, JobType, ProductionJob, Stage
from db.models.projects import Project, ProjectStatus
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.jobs import waiting
from tower.jobs.rows import database_now, failure_values, lock_job, stop_segments, update_live_job
from tower.jobs.spec import GenerationSpec
from tower.presets.styles import find_style

RANDOM_SEED_BITS = 32


def open_job(session: Session, spec: GenerationSpec, *, job_type: JobType) -> ProductionJob:
    """Open a new job. It is launched once the caller commits. Raises InvalidError for an unknown project or style."""
    return add_job(session, prepare_job(session, spec, job_type=job_type))


def prepare_job(session: Session, spec: GenerationSpec, *, job_type: JobType) -> ProductionJob:
    """A new job that is not in the database, so that it uses up no id. Raises InvalidError as open_job does."""
    if spec.project_id is not None:
        _find_project(session, spec.project_id)
    find_style(session, spec.style, project_id=spec.project_id)
    return ProductionJob(
        project_id=spec.project_id,
        job_type=job_type,
        status=JobStatus.SEGMENTS_QUEUED if job_type == JobType.FAST else JobStatus.PROCESSING,
        prompt=spec.prompt,
        parameters=spec.model_dump(mode="json"),
        comfyui_job_id=uuid.uuid4(),
        seed=secrets.randbits(RANDOM_SEED_BITS) if spec.seed is None else spec.seed,
        steps={},
    )


def add_job(session: Session, job: ProductionJob) -> ProductionJob:
    """Put a prepared job into the database. It is launched once the caller commits."""
    if job.project_id is not None:
        _activate_project(session, job.project_id)
    session.add(job)
    session.flush()
    return job


def find_job(session: Session, key: str) -> ProductionJob:
    """Find a job by its id, its prompt_id in upper or lower case, or `gen_<id>`. Raises NotFoundError."""
    job = session.scalar(select(ProductionJob).where(_matches_key(key)))
    if job is None:
        raise NotFoundError(f"There is no generation {key!r}")
    return job


def is_shot(job: ProductionJob) -> bool:
    """Whether the job makes a shot, so that its parameters are a GenerationSpec."""
    return job.job_type != JobType.FILM


def parse_spec(job: ProductionJob) -> GenerationSpec:
    """The specification of a shot's job. Raises ConflictError for the job of a film, which has none."""
    if not is_shot(job):
        raise ConflictError(f"Generation {job.id} makes a film, not a shot")
    return GenerationSpec.model_validate(job.parameters)


def is_claimed(job: ProductionJob) -> bool:
    """Whether the newest run of a live job has claimed it."""
    return job.deadline_at is not None


def cancel_job(session: Session, job_id: int) -> ProductionJob:
    """Cancel a live job, and the jobs that it opened for itself. A cancelled job stays cancelled.

    Raises ConflictError if the job ended in another way.
    """
    job = lock_job(session, job_id)
    if job.status == JobStatus.CANCELLED:
        return job
    if job.status not in LIVE_STATUSES:
        raise ConflictError(f"Generation {job_id} has already ended: {job.status}")
    job.status = JobStatus.CANCELLED
    job.ended_at = database_now(session)
    job.launch_after = job.deadline_at = job.step = None
    stop_segments(session, job_id)
    session.flush()
    for opened_id in waiting.list_own_live(session, job):
        cancel_job(session, opened_id)
    return job


def fail_lost_job(session: Session, job: ProductionJob, *, code: str, message: str) -> bool:
    """End a live job whose runs are lost. Returns False if it has ended or been claimed again meanwhile."""
    ended = update_live_job(session, _is_unchanged(job), failure_values(code, message))
    if ended:
        stop_segments(session, job.id)
    return ended


def relaunch_job(session: Session, job: ProductionJob, *, delay_s: float = 0.0) -> bool:
    """Schedule a new launch of a live job whose run is lost. A run that never claimed the job is not a crash.

    Returns False if the job has ended or been claimed again meanwhile.
    """
    was_claimed = is_claimed(job)
    values = {
        "flow_run_id": None,
        "launch_after": func.now() + timedelta(seconds=delay_s),
        "deadline_at": None,
        "crashes": job.crashes + was_claimed,
        "unclaimed_launches": job.unclaimed_launches + (not was_claimed),
    }
    return update_live_job(session, _is_unchanged(job), values)


def retry_job(session: Session, job_id: int) -> ProductionJob:
    """Reopen an ended job. It reuses the segments that it has rendered and makes the missing ones.

    A job that waited for others reopens those that failed or were cancelled, and waits for them again.
    Raises ConflictError for a job that is running or completed, and for a film that another job makes now, InvalidError
    for a job whose project is deleted.
    """
    job = lock_job(session, job_id)
    if job.status in LIVE_STATUSES or job.status == JobStatus.COMPLETED:
        raise ConflictError(f"Generation {job_id} is {job.status}: there is nothing to retry")
    _refuse_second_film(session, job)
    if job.project_id is not None:
        _activate_project(session, job.project_id)
    job.status = JobStatus.PROCESSING
    job.stage = Stage.QUEUED
    job.error_code = job.error_message = job.ended_at = job.flow_run_id = None
    job.crashes = job.unclaimed_launches = 0
    job.launch_after = database_now(session)
    job.run_settled = False
    session.flush()
    for failed_id in waiting.list_failed(session, job):
        retry_job(session, failed_id)
    return job


def estimate_remaining_s(
    job: ProductionJob, *, since: datetime | None = None, start_progress: float = 0.0
) -> float | None:
    """The seconds that remain at the speed of the job since its start, or since a time at which it had
    `start_progress`. None below 10 % progress and after the end.
    """
    start = since or job.started_at
    if job.status not in LIVE_STATUSES or start is None or job.heartbeat_at is None or job.progress < 0.1:
        return None
    elapsed_s = max(0.0, (job.heartbeat_at - start).total_seconds())
    return round(elapsed_s * (1 - job.progress) / (job.progress - start_progress), 1)


def _refuse_second_film(session: Session, job: ProductionJob) -> None:
    if is_shot(job):
        return
    same = (ProductionJob.parameters[name].astext == str(job.parameters[name]) for name in ("episode_key", "branch"))
    live = (ProductionJob.status.in_(LIVE_STATUSES), ProductionJob.project_id == job.project_id)
    seconds = ProductionJob.parameters["trailer_seconds"].astext
    is_same_kind = seconds.is_(None) if job.parameters.get("trailer_seconds") is None else seconds.is_not(None)
    other = session.scalar(
        select(ProductionJob.id).where(ProductionJob.job_type == JobType.FILM, is_same_kind, *live, *same)
    )
    if other is not None:
        raise ConflictError(f"Generation {other} already makes this film", details={"job_id": other})


def _matches_key(key: str) -> ColumnElement[bool]:
    digits = key.removeprefix("gen_")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        return ProductionJob.id == int(digits)
    try:
        return ProductionJob.comfyui_job_id == uuid.UUID(key)
    except ValueError:
        raise NotFoundError(f"There is no generation {key!r}") from None


def _activate_project(session: Session, project_id: int) -> None:
    """Make a draft project active: this is its first generation."""
    project = _find_project(session, project_id)
    if project.status == ProjectStatus.DRAFT:
        project.status = ProjectStatus.ACTIVE


def _find_project(session: Session, project_id: int) -> Project:
    project = session.get(Project, project_id)
    if project is None or project.deleted_at is not None:
        raise InvalidError.field("project_id", project_id, "the id of an existing project")
    return project


def _is_unchanged(job: ProductionJob) -> ColumnElement[bool]:
    """The condition that the row has not been claimed or launched since `job` was read."""
    return (
        (ProductionJob.id == job.id)
        & (ProductionJob.attempt == job.attempt)
        & (ProductionJob.launches == job.launches)
        & ProductionJob.flow_run_id.is_not_distinct_from(job.flow_run_id)
    )
