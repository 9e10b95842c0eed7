"""Collects the report of a batch from the rows of its entries, their jobs and their renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.batches import Batch
from db.models.episodes import Episode
from db.models.jobs import LIVE_STATUSES, JobStatus, JobType, ProductionJob
from db.models.schedule import ProductionSchedule, ScheduleState
from db.models.versions import Branch
from tower.batches.entries import SceneStart, StartedScene
from tower.batches.gpu_time import RenderTimes, read_render_times
from tower.batches.report import BatchReport, EntryReport, Outcome, SceneReport, parse_report

_SCENES = TypeAdapter(tuple[StartedScene, ...])
NOT_MEASURED = "the renders of its take were not measured"
_ENTRY_OUTCOMES = {
    ScheduleState.PLANNED: Outcome.POSTPONED,
    ScheduleState.STARTED: Outcome.RUNNING,
    ScheduleState.COMPLETED: Outcome.DONE,
    ScheduleState.FAILED: Outcome.FAILED,
    ScheduleState.CANCELLED: Outcome.CANCELLED,
}
HELD = "it had no place before the window closed"


def read_report(session: Session, batch: Batch) -> BatchReport:
    """The report of the batch: as it ended, or as it is now."""
    return parse_report(batch.report) if batch.report is not None else build_report(session, batch.id)


def build_report(session: Session, batch_id: int) -> BatchReport:
    """The report of the batch as it is now."""
    rows = session.scalars(
        select(ProductionSchedule).where(ProductionSchedule.batch_id == batch_id).order_by(ProductionSchedule.id)
    ).all()
    scenes_by_row = {row.id: _SCENES.validate_python(row.scenes) for row in rows}
    job_ids = {scene.job_id for scenes in scenes_by_row.values() for scene in scenes if scene.job_id is not None}
    jobs = {job.id: job for job in session.scalars(select(ProductionJob).where(ProductionJob.id.in_(job_ids)))}
    assets = {scene.asset_id for scenes in scenes_by_row.values() for scene in scenes if scene.asset_id is not None}
    times = read_render_times(session, jobs.keys(), assets)
    entries = tuple(
        EntryReport(
            row.id,
            row.project_id,
            _title(session, row),
            _ENTRY_OUTCOMES[row.state],
            _reason(row),
            _film_of(session, row),
            tuple(_report_scene(scene, jobs, times) for scene in scenes_by_row[row.id]),
        )
        for row in rows
    )
    return _sum_up(entries)


def _sum_up(entries: Sequence[EntryReport]) -> BatchReport:
    scenes = [scene for entry in entries for scene in entry.scenes]
    unknown = sum(scene.saved_s is None for scene in scenes)
    known = [scene.saved_s for scene in scenes if scene.saved_s is not None]
    saved_s = round(sum(known), 1) if known or not unknown else None
    reason = f"without {unknown} reused scenes, whose renders were not measured" if unknown else None
    counts = {outcome: sum(entry.outcome is outcome for entry in entries) for outcome in Outcome}
    return BatchReport(tuple(entries), counts, round(sum(scene.gpu_s for scene in scenes), 1), saved_s, reason)


def _report_scene(scene: StartedScene, jobs: Mapping[int, ProductionJob], times: RenderTimes) -> SceneReport:
    job = jobs.get(scene.job_id) if scene.job_id is not None else None
    outcome, reason = _scene_outcome(scene, job, times)
    spent_s = times.spent_s.get(job.id, 0.0) if job is not None and scene.start is SceneStart.OPENED else 0.0
    saved_s: float | None = 0.0
    if scene.start is SceneStart.CURRENT:
        saved_s = None if scene.asset_id is None else times.take_s.get(scene.asset_id)
    elif scene.start is SceneStart.OPENED and job is not None:
        saved_s = times.saved_s.get(job.id, 0.0)
    saved_reason = NOT_MEASURED if saved_s is None else None
    return SceneReport(
        scene.scene_id, scene.scene_number, outcome, scene.job_id, reason, spent_s, saved_s, saved_reason
    )


def _scene_outcome(scene: StartedScene, job: ProductionJob | None, times: RenderTimes) -> tuple[Outcome, str | None]:
    if scene.start is SceneStart.CURRENT:
        return Outcome.REUSED, None
    if scene.start is SceneStart.REFUSED:
        return Outcome.FAILED, scene.reason
    if job is None:
        return Outcome.FAILED, "its generation was deleted"
    if job.status in LIVE_STATUSES:
        return Outcome.RUNNING, None
    if job.status == JobStatus.COMPLETED:
        return (Outcome.REUSED if job.id in times.only_reused else Outcome.DONE), None
    outcome = Outcome.CANCELLED if job.status == JobStatus.CANCELLED else Outcome.FAILED
    return outcome, job.error_message


def _reason(row: ProductionSchedule) -> str | None:
    if row.state == ScheduleState.PLANNED:
        return row.postponed_reason or HELD
    return row.error_message


def _film_of(session: Session, row: ProductionSchedule) -> int | None:
    if row.job_id is None:
        return None
    job = session.get(ProductionJob, row.job_id)
    return row.job_id if job is not None and job.job_type == JobType.FILM else None


def _title(session: Session, row: ProductionSchedule) -> str:
    """For example `Episode 3: The Bridge`."""
    if row.episode_key is not None:
        key = (Episode.branch_id == row.branch_id, Episode.key == row.episode_key)
        episode = session.scalar(select(Episode).where(*key))
        return f"Episode {episode.episode_number}: {episode.title}" if episode else "A deleted episode"
    branch = session.get_one(Branch, row.branch_id).name
    if row.scene_key is None:
        return f"Stale scenes of {branch}"
    number = next((scene["scene_number"] for scene in row.scenes), None)
    return f"A scene of {branch}" if number is None else f"Scene {number} of {branch}"
