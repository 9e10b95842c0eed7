"""The step that writes the prompt of a shot."""

from __future__ import annotations

from db.models.jobs import ProductionJob, Stage
from tasks.jobs import enter_stage
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.moods.choice import prompt_words
from tower.shots import prompts
from tower.shots.cast import Cast
from tower.shots.prompts import PROMPT_STEP, EnhancedPrompt
from tower.shots.scene_jobs import find_job_style
from tower.story import glossary


@retrying_task("prompt enhancement")
def enhance_prompt(attempt: Attempt, cast: Cast) -> EnhancedPrompt:
    """Build the prompts for the model, check them against the cultural glossary, and store them with the job."""
    with enter_stage(attempt, Stage.PROMPT, progress=0.02), resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if stored := PROMPT_STEP.read(job):
            return stored
        spec = lifecycle.parse_spec(job)
        style = find_job_style(session, job)
        words = prompts.build_prompt(spec, cast, style, seed=job.seed, mood_words=prompt_words(job))
        PROMPT_STEP.write(session, attempt, words)
        attempts.add_warnings(session, attempt, *glossary.check_prompt(session, job, words.prompt))
    return words
