"""The step that checks the quality of a take. It records the verdict and does not render again."""

from __future__ import annotations

from pathlib import Path

from db.models.jobs import ProductionJob, Stage
from tasks.dispatch import TakeRef
from tasks.jobs import enter_stage
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.jobs import attempts
from tower.jobs.attempts import Attempt
from tower.media.rates import exact_rate
from tower.quality.record import record_verdict
from tower.quality.technical import judge
from tower.quality.verdict import Assessment, Expectation
from tower.rendering.segments import RENDER_ENDS, read_clip_form


@retrying_task("quality check")
def check_quality(attempt: Attempt, take: TakeRef) -> Assessment:
    """Judge the take against the request. A rejection becomes a warning with metric, value and threshold."""
    with enter_stage(attempt, Stage.QUALITY, progress=RENDER_ENDS):
        verdict = judge_take(attempt, take)
        with resources().sessions.begin() as session:
            record_verdict(session, attempt, asset_id=take.asset_id, assessment=verdict)
            if verdict.reason:
                attempts.add_warnings(session, attempt, f"Quality: {verdict.reason}")
    return verdict


def judge_take(attempt: Attempt, take: TakeRef) -> Assessment:
    """Judge the take against the shot of the job, without writing the verdict."""
    with resources().sessions() as session:
        form = read_clip_form(session, session.get_one(ProductionJob, attempt.job_id))
    expected = Expectation(width=form.width, height=form.height, fps=exact_rate(form.fps), frames=form.frames)
    return judge(Path(take.path), expected)
