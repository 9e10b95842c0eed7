"""The step that chooses the mood of a shot."""

from __future__ import annotations

from tasks.resources import resources
from tasks.retries import step
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.moods.choice import choose, directed, not_as_usual
from tower.moods.chosen import CHOSEN_MOOD, MoodChoice

BY_HAND = "local"  # the user whose preferences count for a run that was started in Prefect


@step("mood")
def choose_mood(attempt: Attempt) -> MoodChoice:
    """Return the mood that was chosen with the request. A run that was started in Prefect chooses one now."""
    with resources().sessions.begin() as session:
        job = lifecycle.held(session, attempt)
        if stored := CHOSEN_MOOD.get(job):
            return stored
        spec = lifecycle.spec_of(job)
        choice = choose(session, spec, user=BY_HAND, given=not_as_usual(spec))
        job.parameters = directed(spec, choice).model_dump(mode="json")
        session.flush()
        CHOSEN_MOOD.put(session, attempt, choice)
    return choice
