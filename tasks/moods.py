"""The choice of a mood, as a step."""

from __future__ import annotations

from tasks.stubbornness import step
from tower import jobs
from tower.jobs import Attempt
from tower.learned_preferences import STEP
from tower.mood_choice import CHOICE, MoodChoice, choose, directed, not_as_usual
from tower.resources import resources

BY_HAND = "local"  # whose preferences count for a run that was started in Prefect


@step("mood")
def choose_mood(attempt: Attempt) -> MoodChoice:
    """What was chosen when the job was asked for; for one that was started by hand it is chosen now."""
    with resources().sessions.begin() as session:
        job = jobs.held(session, attempt)
        if STEP in job.steps:
            return CHOICE.validate_python(job.steps[STEP])
        spec = jobs.spec_of(job)
        choice = choose(session, spec, user=BY_HAND, given=not_as_usual(spec))
        job.parameters = directed(spec, choice).model_dump(mode="json")
        session.flush()
        jobs.record_step(session, attempt, STEP, CHOICE.dump_python(choice, mode="json"))
    return choice
