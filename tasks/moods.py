"""The step that chooses the mood of a shot."""

from __future__ import annotations

from tasks.resources import resources
from tasks.retries import retrying_task
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.production import PRODUCTION_STEP, DecidedSpec, remember_sources
from tower.moods.choice import apply_choice, choose_for_mood
from tower.moods.chosen import MOOD_CHOICES, MoodChoices

LOCAL_USER = "local"  # the user whose preferences count for a run that was started in Prefect


@retrying_task("mood")
def choose_mood(attempt: Attempt) -> MoodChoices:
    """Return the mood that was chosen with the request. A run that was started in Prefect chooses one now."""
    with resources().sessions.begin() as session:
        job = attempts.lock_held_job(session, attempt)
        if stored := MOOD_CHOICES.read(job):
            return stored
        decided = DecidedSpec(lifecycle.parse_spec(job), PRODUCTION_STEP.read(job) or {})
        choice = choose_for_mood(session, decided.spec, user=LOCAL_USER, sources=decided.sources)
        chosen = apply_choice(decided, choice)
        job.parameters = chosen.spec.model_dump(mode="json")
        remember_sources(job, chosen.sources)
        session.flush()
        MOOD_CHOICES.write(session, attempt, choice)
    return choice
