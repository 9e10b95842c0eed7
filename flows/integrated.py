"""The integrated recipe: all stages, with another round and changed settings if the quality is too low."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from db.models.jobs import JobType
from tasks.artifacts import publish_summary
from tasks.characters import look_up_characters
from tasks.jobs import finish_job, run_recipe
from tasks.prompts import enhance_prompt
from tasks.quality_loop import judge_round, keep_best, read_finished_rounds, render_round
from tasks.sync import sync_to_music
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.quality.rounds import needs_another_round


@flow(name="integrated")
async def integrated(job_id: int | None = None, asked: GenerationSpec | None = None) -> State[None]:
    """Make the shot of a job, in up to three rounds. Without a job, it opens one for `asked`."""
    return await run_recipe(job_id, asked, make_best_shot, job_type=JobType.INTEGRATED)


async def make_best_shot(attempt: Attempt) -> None:
    """Lookup → enhance → (render → judge, until it passes) → keep the best → sync to the scene's music → finish."""
    cast = look_up_characters(attempt)
    words = enhance_prompt(attempt, cast)
    rounds = read_finished_rounds(attempt)
    while needs_another_round(rounds):
        made = await render_round(attempt, cast, words, rounds)
        rounds.append(judge_round(attempt, made, number=len(rounds) + 1))
    take, score = keep_best(attempt, rounds)
    take = sync_to_music(attempt, take)
    finish_job(attempt, take.asset_id, score)
    publish_summary(attempt)
