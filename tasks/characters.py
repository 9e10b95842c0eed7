"""The step that looks up the characters of a shot."""

from __future__ import annotations

from db.models.jobs import ProductionJob
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.shots.cast import CAST_STEP, Cast, look_up_cast


@retrying_task("character lookup")
def look_up_characters(attempt: Attempt) -> Cast:
    """Look up the cast of the shot. The first result is stored, so that a restarted run has the same cast."""
    with resources().sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        if stored := CAST_STEP.read(job):
            return stored
        cast = look_up_cast(session, lifecycle.parse_spec(job))
        CAST_STEP.write(session, attempt, cast)
        if cast.warning:
            attempts.add_warnings(session, attempt, cast.warning)
    return cast
