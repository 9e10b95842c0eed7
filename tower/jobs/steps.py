"""What a job remembers of its finished steps, each under its key and of its type, in `ProductionJob.steps`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt

T = TypeVar("T")
log = logging.getLogger("tower.runs")


@dataclass(frozen=True)
class Step(Generic[T]):
    """One entry of the ledger. `former_keys`: names that older versions wrote it under; they are read, not written."""

    key: str
    adapter: TypeAdapter[T]
    former_keys: tuple[str, ...] = ()

    def get(self, job: ProductionJob) -> T | None:
        """The result of the step; None before it has one, and where this version cannot read it: it is redone."""
        key = next((key for key in (self.key, *self.former_keys) if key in job.steps), None)
        if key is None:
            return None
        try:
            return self.adapter.validate_python(job.steps[key])
        except ValidationError as unreadable:
            log.warning("Step %r of generation %s cannot be read: %s", key, job.id, _why(unreadable))
            return None

    def put(self, session: Session, attempt: Attempt, value: T) -> None:
        """Keep the result, so that a run that is started again goes on after it. Raises what `report` raises."""
        for key, stored in self.entry(value).items():
            lifecycle.record_step(session, attempt, key, stored)

    def entry(self, value: T) -> dict[str, Any]:
        """The key and the JSON of a result, for a job that is opened with it."""
        return {self.key: self.adapter.dump_python(value, mode="json")}

    def forget(self, session: Session, attempt: Attempt) -> None:
        """Have the step done again when the job is started again."""
        lifecycle.forget_steps(session, attempt, [self.key, *self.former_keys])


def _why(unreadable: ValidationError) -> str:
    """The first fault, without the value: a prompt does not belong in a log."""
    first = unreadable.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "its value"
    return f"{field}: {first['msg']}"
