"""The typed results of a job's finished steps, stored by key in `ProductionJob.steps`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from tower.jobs import attempts
from tower.jobs.attempts import Attempt

T = TypeVar("T")
log = logging.getLogger("tower.runs")


@dataclass(frozen=True)
class StepResult(Generic[T]):
    """One entry of `ProductionJob.steps`. `former_keys`: keys of older versions, which are read but not written."""

    key: str
    adapter: TypeAdapter[T]
    former_keys: tuple[str, ...] = ()

    def read(self, job: ProductionJob) -> T | None:
        """Read the result; None if there is none or this version cannot read it. The step is then done again."""
        key = next((key for key in (self.key, *self.former_keys) if key in job.steps), None)
        if key is None:
            return None
        try:
            return self.adapter.validate_python(job.steps[key])
        except ValidationError as error:
            log.warning("Step %r of generation %s cannot be read: %s", key, job.id, _first_fault(error))
            return None

    def write(self, session: Session, attempt: Attempt, value: T) -> None:
        """Store the result, so that a restarted run continues after it.

        Raises CancelledError or SupersededError.
        """
        for key, stored in self.to_entry(value).items():
            attempts.record_step(session, attempt, key, stored)

    def to_entry(self, value: T) -> dict[str, Any]:
        """Convert a result to its key and JSON, for a job that is opened with it."""
        return {self.key: self.adapter.dump_python(value, mode="json")}

    def forget(self, session: Session, attempt: Attempt) -> None:
        """Remove the result, so that a restarted run does the step again."""
        attempts.forget_steps(session, attempt, [self.key, *self.former_keys])


def _first_fault(error: ValidationError) -> str:
    """The first fault, without its value: a prompt does not belong in a log."""
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "its value"
    return f"{field}: {first['msg']}"
