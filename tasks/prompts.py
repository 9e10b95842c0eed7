"""The prompt enhancement, as a step."""

from __future__ import annotations

from pydantic import TypeAdapter

from db.models.jobs import ProductionJob, Stage
from tasks.jobs import stage
from tasks.stubbornness import step
from tower import culture, jobs, prompts
from tower.characters import Cast
from tower.jobs import Attempt
from tower.mood_choice import words_of
from tower.prompts import EnhancedPrompt
from tower.resources import resources
from tower.scene_jobs import style_of_job

STEP = "prompt"
_WORDS = TypeAdapter(EnhancedPrompt)


@step("prompt enhancement")
def enhance_prompt(attempt: Attempt, cast: Cast) -> EnhancedPrompt:
    """The words that go to the model, checked against the cultural glossary, stored with the job."""
    with stage(attempt, Stage.PROMPT, progress=0.02), resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if STEP in job.steps:
            return _WORDS.validate_python(job.steps[STEP])
        spec = jobs.spec_of(job)
        style = style_of_job(session, job)
        words = prompts.enhance(spec, cast, style, seed=job.seed, mood_words=words_of(job.steps))
        jobs.record_step(session, attempt, STEP, _WORDS.dump_python(words, mode="json"))
        jobs.warn(session, attempt, *culture.check_words(session, job, words.prompt))
    return words
