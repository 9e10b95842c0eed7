"""The fast recipe: a shot in segments of one second, which are rendered in parallel and joined."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from db.models.jobs import JobType
from tasks.artifacts import publish_summary
from tasks.characters import look_up_characters
from tasks.dispatch import render_segments
from tasks.jobs import finish_job, run_recipe
from tasks.join import join_segments
from tasks.prompts import enhance_prompt
from tasks.quality import check_quality
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.shots.planning import plan_seconds


@flow(name="fast")
async def fast(job_id: int | None = None, asked: GenerationSpec | None = None) -> State[None]:
    """Make the shot of a job in segments of one second. Without a job, it opens one for `asked`."""
    return await run_recipe(job_id, asked, make_fast_shot, job_type=JobType.FAST)


async def make_fast_shot(attempt: Attempt) -> None:
    """Lookup → enhance → render all segments → join → record the quality → finish."""
    cast = look_up_characters(attempt)
    words = enhance_prompt(attempt, cast)
    seconds = await render_segments(attempt, cast, words, plan_seconds)
    take = join_segments(attempt, seconds)
    verdict = check_quality(attempt, take)
    finish_job(attempt, take.asset_id, verdict.score)
    publish_summary(attempt)
