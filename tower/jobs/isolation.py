"""Keeps the fault of one job away from the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy.exc import OperationalError

from db.models.jobs import ProductionJob
from tower.errors import UnavailableError
from tower.logs import bind_context

log = logging.getLogger(__name__)


def each_job(jobs: Sequence[ProductionJob], action: Callable[[ProductionJob], None]) -> None:
    """Call the action for each job. An unexpected error is logged, and the next pass tries that job again.

    Raises UnavailableError and OperationalError, which concern every job.
    """
    for job in jobs:
        with bind_context(job_id=job.id, flow_run_id=job.flow_run_id):
            try:
                action(job)
            except (UnavailableError, OperationalError):
                raise
            except Exception:
                log.exception("The job was left as it is until the next pass")
