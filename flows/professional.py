"""The professional recipe: a shot of existing characters, compared with their reference images."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from db.models.jobs import JobType
from tasks.artifacts import publish_summary
from tasks.characters import look_up_characters
from tasks.consistency import check_consistency
from tasks.dispatch import render_segments
from tasks.jobs import finish_job, run_recipe
from tasks.prompts import enhance_prompt
from tasks.quality import check_quality
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.shots.planning import plan_shot


@flow(name="professional")
async def professional(job_id: int | None = None, asked: GenerationSpec | None = None) -> State[None]:
    """Make the shot of a job. Without a job, it opens one for `asked`."""
    return await run_recipe(job_id, asked, make_professional_shot, job_type=JobType.PROFESSIONAL)


async def make_professional_shot(attempt: Attempt) -> None:
    """Lookup (all characters must exist) → enhance → render → record quality and consistency → finish."""
    cast = look_up_characters(attempt)
    words = enhance_prompt(attempt, cast)
    [take] = await render_segments(attempt, cast, words, plan_shot)
    check_quality(attempt, take)
    verdict = check_consistency(attempt, take, cast)
    finish_job(attempt, take.asset_id, verdict.score)
    publish_summary(attempt)
