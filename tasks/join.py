"""The step that joins the segments of a job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from db.models.jobs import ProductionJob
from db.models.rendering import Asset
from tasks.dispatch import TakeRef
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.jobs import attempts
from tower.jobs.attempts import Attempt
from tower.jobs.steps import StepResult
from tower.media.join import JoinResult, join_clips
from tower.rendering.segments import RENDER_ENDS
from tower.rendering.takes import store_take

JOIN_STEP = StepResult("join", TypeAdapter(TakeRef))


@retrying_task("join segments")
def join_segments(attempt: Attempt, seconds: Sequence[TakeRef]) -> TakeRef:
    """Join all segments into one clip, cross-faded over their overlap. If this raises MergeError, the segments stay."""
    with resources().sessions.begin() as session:
        attempts.report_progress(session, attempt, progress=RENDER_ENDS, step=f"joining {len(seconds)} segments")
        job = session.get_one(ProductionJob, attempt.job_id)
    if stored := JOIN_STEP.read(job):
        return stored
    clip = resources().settings.renders / ".partial" / f"job-{attempt.job_id}-{attempt.number}.mp4"
    clip.parent.mkdir(parents=True, exist_ok=True)
    try:
        joined = join_clips([Path(take.path) for take in seconds], clip)
        return _store(attempt, clip, seconds, joined)
    finally:
        clip.unlink(missing_ok=True)


def _store(attempt: Attempt, clip: Path, seconds: Sequence[TakeRef], joined: JoinResult) -> TakeRef:
    with resources().sessions.begin() as session:
        job = attempts.lock_held_job(session, attempt)
        segments = [session.get_one(Asset, take.asset_id) for take in seconds]
        asset = store_take(
            session,
            clip,
            renders=resources().settings.renders,
            probe=joined.probe,
            job_id=job.id,
            project_id=job.project_id,
            provenance={
                "engine": segments[0].provenance["engine"],
                "engine_version": segments[0].provenance["engine_version"],
                "joined_from_assets": [segment.id for segment in segments],
                "joined": joined.method,
                "joined_why": joined.encoded_because,
            },
        )
        take = TakeRef(asset.id, asset.path)
        JOIN_STEP.write(session, attempt, take)
    return take
