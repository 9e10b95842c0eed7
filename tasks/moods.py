"""The choice of a mood, as a step."""

from __future__ import annotations

from tasks.resources import resources
from tasks.retries import step
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.moods.choice import choose, directed, not_as_usual
from tower.moods.chosen import CHOSEN_MOOD, MoodChoice

BY_HAND = "local"  # whose preferences count for a run that was started in Prefect


@step("mood")
def choose_mood(attempt: Attempt) -> MoodChoice:
    """What was chosen when the job was asked for; for one that was started by hand it is chosen now."""
    with resources().sessions.begin() as session:
        job = lifecycle.held(session, attempt)
        if known := CHOSEN_MOOD.get(job):
            return known
        spec = lifecycle.spec_of(job)
        choice = choose(session, spec, user=BY_HAND, given=not_as_usual(spec))
        job.parameters = directed(spec, choice).model_dump(mode="json")
        session.flush()
        CHOSEN_MOOD.put(session, attempt, choice)
    return choice
