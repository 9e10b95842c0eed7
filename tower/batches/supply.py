"""Whether the studio can render now what a batch is about to start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from tower.errors import UnavailableError
from tower.jobs.lifecycle import parse_spec
from tower.rendering.readiness import Readiness
from tower.rendering.studio import Studio
from tower.workflows.builtins import DEFAULT_WORKFLOWS


class Supply:
    """The readiness of the studio for each engine, asked once.

    Prefect is not asked: a job waits for it, or in a paused queue, without losing a try.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self._machines = replace(studio, queues=None)
        self._assessed: dict[str, Readiness] = {}

    def require(self, session: Session, renders: Iterable[ProductionJob]) -> None:
        """Raise UnavailableError with the reason if no worker can render one of these jobs now."""
        for job in renders:
            if (lack := self._find_lack(session, job)) is not None:
                raise UnavailableError(lack)

    def _find_lack(self, session: Session, job: ProductionJob) -> str | None:
        spec = parse_spec(job)
        if spec.engine not in self._assessed:
            self._assessed[spec.engine] = self._machines.assess(session, engine=spec.engine)
        found = self._assessed[spec.engine]
        is_default = spec.workflow is None or spec.workflow in DEFAULT_WORKFLOWS
        return found.reason if is_default else found.obstacle
