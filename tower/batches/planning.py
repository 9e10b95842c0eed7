"""Refuses what is planned in vain: it names what does not exist, or it fits in no opening of the window."""

from __future__ import annotations

import time

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.estimate import estimate_renders
from tower.batches.misfits import find_misfit
from tower.batches.obstacles import check_names
from tower.batches.starts import PlannedStarts
from tower.settings import Settings

ESTIMATES_BUDGET_S = 5.0  # of a change of the window; the entries after it keep their estimate


def check_plan(session: Session, row: ProductionSchedule, settings: Settings) -> None:
    """Raise InvalidError for a plan that cannot be kept, and NotFoundError for a workflow that does not exist.

    A plan that starts in no opening before it is due, or whose renders take longer than the opening, is not kept.
    """
    check_names(session, row.project_id, style=row.parameters.get("style"), workflow=row.parameters.get("workflow"))
    estimate = estimate_renders(session, row, settings)
    row.estimate_s = estimate.total_seconds() if estimate else None
    misfit = find_misfit(row, PlannedStarts.read(session))
    if misfit is not None:
        raise misfit.refusal
    session.flush()
    session.refresh(row)


def refresh_estimates(session: Session, settings: Settings, *, budget_s: float = ESTIMATES_BUDGET_S) -> None:
    """Estimate the planned entries again, as far as the time suffices. Each is committed on its own."""
    end = time.monotonic() + budget_s
    with session.begin():
        planned = select(ProductionSchedule.id).where(ProductionSchedule.state == ScheduleState.PLANNED)
        ids = session.scalars(planned.order_by(ProductionSchedule.id)).all()
    for schedule_id in ids:
        if time.monotonic() > end:
            return
        with session.begin():
            _refresh_estimate(session, schedule_id, settings)


def _refresh_estimate(session: Session, schedule_id: int, settings: Settings) -> None:
    row = session.get(ProductionSchedule, schedule_id, populate_existing=True)
    if row is None or row.state != ScheduleState.PLANNED:
        return
    estimate = estimate_renders(session, row, settings)
    values = {
        "estimate_s": estimate.total_seconds() if estimate else None,
        "updated_at": ProductionSchedule.updated_at,  # its ETag stays
    }
    session.execute(update(ProductionSchedule).where(ProductionSchedule.id == schedule_id).values(values))
