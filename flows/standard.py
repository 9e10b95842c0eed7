"""The standard recipe: one shot, from the request to a checked file."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from db.models.jobs import JobType
from tasks.artifacts import publish_summary
from tasks.characters import look_up_characters
from tasks.dispatch import render_segments
from tasks.jobs import finish_job, run_recipe
from tasks.prompts import enhance_prompt
from tasks.quality import check_quality
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.shots.planning import plan_shot


@flow(name="standard")
async def standard(job_id: int | None = None, asked: GenerationSpec | None = None) -> State[None]:
    """Make the shot of a job. Without a job, it opens one for `asked`."""
    return await run_recipe(job_id, asked, make_shot, job_type=JobType.STANDARD)


async def make_shot(attempt: Attempt) -> None:
    """Lookup → enhance → render → record the quality → finish. A restarted run does not repeat finished steps."""
    cast = look_up_characters(attempt)
    words = enhance_prompt(attempt, cast)
    [take] = await render_segments(attempt, cast, words, plan_shot)
    verdict = check_quality(attempt, take)
    finish_job(attempt, take.asset_id, verdict.score)
    publish_summary(attempt)
