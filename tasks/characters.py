"""The character lookup, as a step."""

from __future__ import annotations

from pydantic import TypeAdapter

from db.models.jobs import ProductionJob
from tasks.stubbornness import step
from tower import characters, jobs
from tower.characters import Cast
from tower.jobs import Attempt
from tower.resources import resources

STEP = characters.STEP
_CAST = TypeAdapter(Cast)


@step("character lookup")
def look_up_characters(attempt: Attempt) -> Cast:
    """Who is in the shot. What was found once stays found, so that a run started again draws the same."""
    with resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if STEP in job.steps:
            return _CAST.validate_python(job.steps[STEP])
        cast = characters.look_up(session, jobs.spec_of(job))
        jobs.record_step(session, attempt, STEP, _CAST.dump_python(cast, mode="json"))
        if cast.warning:
            jobs.warn(session, attempt, cast.warning)
    return cast
