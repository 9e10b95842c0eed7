"""The character lookup, as a step."""

from __future__ import annotations

from db.models.jobs import ProductionJob
from tasks.resources import resources
from tasks.retries import step
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.shots.cast import CAST, Cast, look_up


@step("character lookup")
def look_up_characters(attempt: Attempt) -> Cast:
    """Who is in the shot. What was found once stays found, so that a run started again draws the same."""
    with resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if known := CAST.get(job):
            return known
        cast = look_up(session, lifecycle.spec_of(job))
        CAST.put(session, attempt, cast)
        if cast.warning:
            lifecycle.warn(session, attempt, cast.warning)
    return cast
