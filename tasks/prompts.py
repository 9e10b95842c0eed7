"""The step that writes the prompt of a shot."""

from __future__ import annotations

from db.models.jobs import ProductionJob, Stage
from tasks.jobs import stage
from tasks.resources import resources
from tasks.retries import step
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.moods.choice import words_of
from tower.shots import prompts
from tower.shots.cast import Cast
from tower.shots.prompts import PROMPT, EnhancedPrompt
from tower.shots.scene_jobs import style_of_job
from tower.story import glossary


@step("prompt enhancement")
def enhance_prompt(attempt: Attempt, cast: Cast) -> EnhancedPrompt:
    """Build the prompts for the model, check them against the cultural glossary, and store them with the job."""
    with stage(attempt, Stage.PROMPT, progress=0.02), resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if stored := PROMPT.get(job):
            return stored
        spec = lifecycle.spec_of(job)
        style = style_of_job(session, job)
        words = prompts.enhance(spec, cast, style, seed=job.seed, mood_words=words_of(job))
        PROMPT.put(session, attempt, words)
        lifecycle.warn(session, attempt, *glossary.check_words(session, job, words.prompt))
    return words
