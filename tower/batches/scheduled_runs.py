"""Keeps a run in Prefect for each planned entry of the production schedule, due when the entry starts.

The entry is the truth: a run that starts an entry finds out by its row whether it is still planned.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, func, or_, select, update

from db.engine import SessionFactory
from db.models.batches import Batch
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.outcomes import record_outcomes
from tower.batches.starts import PlannedStarts
from tower.clients.prefect import FlowRunInfo, FlowRunRequest, PrefectClient, PrefectRefusedError
from tower.errors.codes import ErrorCode
from tower.jobs.lost_runs import (
    CLAIM_TIMEOUT_S,
    MAX_UNCLAIMED,
    ClaimWatch,
    RunLoss,
    describe_end,
    launch_delay_s,
)

SCHEDULED_DEPLOYMENT = "scheduled/scheduled"
BATCH_ENTRIES = 200  # entries that one pass compares; the next pass goes on with the following ones
log = logging.getLogger(__name__)


class ScheduledRuns:
    """Compares the entries with their runs, a batch in each pass."""

    def __init__(
        self, sessions: SessionFactory, prefect: PrefectClient, *, claim_timeout_s: float = CLAIM_TIMEOUT_S
    ) -> None:
        self._sessions = sessions
        self._prefect = prefect
        self._watch = ClaimWatch(claim_timeout_s)
        self._last_id = 0

    def align_batch(self) -> None:
        """Make, move and cancel runs as the entries say, and end the entries whose generations have ended."""
        with self._sessions.begin() as session:
            record_outcomes(session)
        with self._sessions() as session:
            rows = session.scalars(entries_to_align(self._last_id).limit(BATCH_ENTRIES)).all()
            starts = PlannedStarts.read(session)
        self._last_id = rows[-1].id if len(rows) == BATCH_ENTRIES else 0
        run_ids = [row.flow_run_id for row in rows if row.flow_run_id]
        runs = self._prefect.get_runs(run_ids) if run_ids else {}
        for row in rows:
            run = runs.get(row.flow_run_id) if row.flow_run_id else None
            self._align(row, run, starts.find_start(row), starts.now)

    def _align(self, row: ProductionSchedule, run: FlowRunInfo | None, start: datetime, now: datetime) -> None:
        if row.state == ScheduleState.CANCELLED:
            self._drop_run(row, run)
        elif row.flow_run_id is None:
            self._launch(row, start, now)
        elif (loss := self._find_loss(row, run)) is not None:
            self._drop_run(row, run, loss)
        elif run is not None and run.is_waiting and run.scheduled_for != start:
            self._prefect.reschedule(row.flow_run_id, start)

    def _launch(self, row: ProductionSchedule, start: datetime, now: datetime) -> None:
        if row.launches and now < row.updated_at + timedelta(seconds=launch_delay_s(row.launches - 1)):
            return
        try:
            run_id = self._prefect.create_flow_run(flow_run_request(row, start))
        except PrefectRefusedError as error:  # the other entries are not affected
            log.warning("Prefect refused the run of schedule entry %s: %s", row.id, error.message)
            if start <= now:
                reason = f"Prefect refused its run: is {SCHEDULED_DEPLOYMENT} deployed (`tower deploy`)?"
                self._drop_run(row, None, RunLoss(ErrorCode.RUN_NOT_STARTED, reason))
            return
        self._update(row, flow_run_id=run_id, updated_at=ProductionSchedule.updated_at)  # its ETag stays

    def _find_loss(self, row: ProductionSchedule, run: FlowRunInfo | None) -> RunLoss | None:
        if run is None or run.state.has_ended:
            return describe_end(run.state if run else None)
        return self._watch.find_loss(row.flow_run_id, run) if row.flow_run_id else None

    def _drop_run(self, row: ProductionSchedule, run: FlowRunInfo | None, loss: RunLoss | None = None) -> None:
        """Cancel the run. A planned entry gets another one, or fails once its launches are spent."""
        if row.flow_run_id and run is not None and not run.state.has_ended:
            self._prefect.cancel(row.flow_run_id, run.state)
        if loss is None:
            self._update(row, flow_run_id=None)
        elif row.launches + 1 < MAX_UNCLAIMED:
            self._update(row, flow_run_id=None, launches=row.launches + 1)
        else:
            message = f"No run started it in {MAX_UNCLAIMED} launches; the last time {loss.reason}"
            self._update(row, flow_run_id=None, state=ScheduleState.FAILED, error_message=message, ended_at=func.now())

    def _update(self, row: ProductionSchedule, **values: object) -> None:
        """Write the values unless the entry has changed its state or its run since it was read."""
        is_unchanged = (
            ProductionSchedule.id == row.id,
            ProductionSchedule.state == row.state,
            ProductionSchedule.flow_run_id.is_not_distinct_from(row.flow_run_id),
        )
        with self._sessions.begin() as session:
            session.execute(update(ProductionSchedule).where(*is_unchanged).values(**values))


def entries_to_align(after_id: int = 0) -> Select[ProductionSchedule]:
    """The planned entries, and the cancelled ones that still have a run. A live batch starts its own entries."""
    is_cancelled = and_(
        ProductionSchedule.state == ScheduleState.CANCELLED, ProductionSchedule.flow_run_id.is_not(None)
    )
    is_in_live_batch = exists().where(Batch.id == ProductionSchedule.batch_id, Batch.ended_at.is_(None))
    is_planned = and_(ProductionSchedule.state == ScheduleState.PLANNED, ~is_in_live_batch)
    return (
        select(ProductionSchedule)
        .where(ProductionSchedule.id > after_id)
        .where(or_(is_planned, is_cancelled))
        .order_by(ProductionSchedule.id)
    )


def flow_run_request(row: ProductionSchedule, start: datetime) -> FlowRunRequest:
    """The request for the run that starts the entry then. Each start has a key: a run of an earlier one has ended."""
    launch = f"launch-{row.launches}-at-{start.timestamp():.0f}"
    return FlowRunRequest(
        deployment=SCHEDULED_DEPLOYMENT,
        name=f"scheduled · entry {row.id}",
        parameters={"schedule_id": row.id},
        tags=("tower", f"schedule:{row.id}", f"project:{row.project_id}"),
        idempotency_key=f"tower-schedule-{row.id}-{row.created_at.timestamp():.6f}-{launch}",
        start_at=start,
    )
