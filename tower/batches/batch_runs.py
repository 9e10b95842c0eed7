"""Asks Prefect for the runs of batches: they open the entries that wait, and the last one publishes the report."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.batches import Batch
from db.models.schedule import ProductionSchedule
from tower.batches.deployment_schedule import BATCH_DEPLOYMENT
from tower.batches.opening import IS_DUE, IS_NOT_POSTPONED, has_place
from tower.batches.starts import read_clock
from tower.batches.stored_window import load_window
from tower.clients.prefect import FlowRunRequest, PrefectClient, PrefectRefusedError

REPORTED_FOR = timedelta(days=1)  # a report that no run could publish is left after this time
RETRY_AFTER = timedelta(seconds=30)
log = logging.getLogger(__name__)


class BatchRuns:
    """Keeps at most one run for each batch that has work."""

    def __init__(self, sessions: SessionFactory, prefect: PrefectClient) -> None:
        self._sessions = sessions
        self._prefect = prefect

    def align(self) -> None:
        """Forget the runs that have ended, and ask for one for each batch that has work."""
        with self._sessions.begin() as session:
            rows = session.scalars(select(Batch).where(Batch.reported_at.is_(None)).order_by(Batch.id)).all()
            now = read_clock(session)
            is_open = load_window(session).is_open(now)
            ready = [row for row in rows if row.flow_run_id is None and _has_work(session, row, now, is_open)]
        run_ids = [row.flow_run_id for row in rows if row.flow_run_id]
        states = self._prefect.get_states(run_ids) if run_ids else {}
        for row in rows:
            state = states.get(row.flow_run_id) if row.flow_run_id else None
            if row.flow_run_id and (state is None or state.has_ended):
                self._update(row, flow_run_id=None, launches=row.launches + 1)
        for row in ready:
            self._launch(row)

    def _launch(self, row: Batch) -> None:
        try:
            run_id = self._prefect.create_flow_run(flow_run_request(row))
        except PrefectRefusedError as error:
            log.warning("Prefect refused the run of batch %s: %s", row.id, error.message)
            self._update(row, launches=row.launches + 1)
        else:
            self._update(row, flow_run_id=run_id)

    def _update(self, row: Batch, **values: object) -> None:
        is_unchanged = (Batch.id == row.id, Batch.flow_run_id.is_not_distinct_from(row.flow_run_id))
        with self._sessions.begin() as session:
            session.execute(update(Batch).where(*is_unchanged).values(**values))


def flow_run_request(row: Batch) -> FlowRunRequest:
    return FlowRunRequest(
        deployment=BATCH_DEPLOYMENT,
        name=f"batch · {row.id}",
        parameters={"batch_id": row.id},
        tags=("tower", f"batch:{row.id}"),
        idempotency_key=f"tower-batch-{row.id}-{row.created_at.timestamp():.6f}-launch-{row.launches}",
    )


def _has_work(session: Session, row: Batch, now: datetime, is_open: bool) -> bool:
    """Whether an ended batch has an unpublished report, or an entry of a live one can start."""
    if row.ended_at is not None:
        has_just_ended = row.updated_at == row.ended_at
        return has_just_ended or row.updated_at + RETRY_AFTER < now < row.ended_at + REPORTED_FOR
    if not is_open or now < row.updated_at + RETRY_AFTER:
        return False
    waiting = select(ProductionSchedule.id).where(ProductionSchedule.batch_id == row.id, IS_DUE, IS_NOT_POSTPONED)
    return session.scalar(waiting.limit(1)) is not None and has_place(session, row.id)
