"""The character lookup, as a step."""

from __future__ import annotations

from pydantic import TypeAdapter

from db.models.jobs import ProductionJob
from tasks.resources import resources
from tasks.retries import step
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.shots import cast as characters
from tower.shots.cast import Cast

STEP = characters.STEP
_CAST = TypeAdapter(Cast)


@step("character lookup")
def look_up_characters(attempt: Attempt) -> Cast:
    """Who is in the shot. What was found once stays found, so that a run started again draws the same."""
    with resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if STEP in job.steps:
            return _CAST.validate_python(job.steps[STEP])
        cast = characters.look_up(session, lifecycle.spec_of(job))
        lifecycle.record_step(session, attempt, STEP, _CAST.dump_python(cast, mode="json"))
        if cast.warning:
            lifecycle.warn(session, attempt, cast.warning)
    return cast
