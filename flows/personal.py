"""The personal recipe: a shot in a mood, which determines the style, the camera and a track."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from db.models.jobs import JobType
from tasks.artifacts import publish_summary
from tasks.characters import look_up_characters
from tasks.dispatch import render_segments
from tasks.jobs import finish_job, run_recipe
from tasks.moods import choose_mood
from tasks.prompts import enhance_prompt
from tasks.quality import check_quality
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.shots.planning import plan_shot


@flow(name="personal")
async def personal(job_id: int | None = None, asked: GenerationSpec | None = None) -> State[None]:
    """Make the shot of a job. Without a job, it opens one for `asked`."""
    return await run_recipe(job_id, asked, make_personal_shot, job_type=JobType.PERSONAL)


async def make_personal_shot(attempt: Attempt) -> None:
    """Mood → lookup → enhance → render → record the quality → finish."""
    choose_mood(attempt)
    cast = look_up_characters(attempt)
    words = enhance_prompt(attempt, cast)
    [take] = await render_segments(attempt, cast, words, plan_shot)
    verdict = check_quality(attempt, take)
    finish_job(attempt, take.asset_id, verdict.score)
    publish_summary(attempt)
