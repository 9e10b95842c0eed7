"""The prompt enhancement, as a step."""

from __future__ import annotations

from pydantic import TypeAdapter

from db.models.jobs import ProductionJob, Stage
from tasks.jobs import stage
from tasks.resources import resources
from tasks.retries import step
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.moods.choice import words_of
from tower.shots import prompts
from tower.shots.cast import Cast
from tower.shots.prompts import EnhancedPrompt
from tower.shots.scene_jobs import style_of_job
from tower.story import glossary

STEP = "prompt"
_WORDS = TypeAdapter(EnhancedPrompt)


@step("prompt enhancement")
def enhance_prompt(attempt: Attempt, cast: Cast) -> EnhancedPrompt:
    """The words that go to the model, checked against the cultural glossary, stored with the job."""
    with stage(attempt, Stage.PROMPT, progress=0.02), resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if STEP in job.steps:
            return _WORDS.validate_python(job.steps[STEP])
        spec = lifecycle.spec_of(job)
        style = style_of_job(session, job)
        words = prompts.enhance(spec, cast, style, seed=job.seed, mood_words=words_of(job.steps))
        lifecycle.record_step(session, attempt, STEP, _WORDS.dump_python(words, mode="json"))
        lifecycle.warn(session, attempt, *glossary.check_words(session, job, words.prompt))
    return words
