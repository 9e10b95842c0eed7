"""Planned entries that fit in no opening of the production window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.starts import PlannedStarts
from tower.batches.window import Window
from tower.errors import InvalidError


@dataclass(frozen=True)
class Misfit:
    """Why an entry fits in no opening, in one sentence, and the refusal of a request that plans it."""

    reason: str
    refusal: InvalidError


@dataclass(frozen=True)
class UnfitEntry:
    """A planned entry that fits in no opening."""

    row: ProductionSchedule
    misfit: Misfit


def find_misfit(row: ProductionSchedule, starts: PlannedStarts) -> Misfit | None:
    """Whether the entry is due before it starts, or renders longer than its opening or until after it is due."""
    window = starts.window
    if window.is_always_open:
        return None
    start = starts.find_start(row)
    if row.due_at is not None and row.due_at <= start:
        return _is_due_too_soon(row.due_at, start, window)
    opening = window.find_opening(start)
    if opening is None or row.estimate_s is None:
        return None
    estimate = timedelta(seconds=row.estimate_s)
    if estimate > opening.length:
        return _takes_too_long(estimate, opening.length)
    if row.due_at is not None and start + estimate > row.due_at:
        return _ends_too_late(row.due_at, start, estimate, window)
    return None


def list_unfit_entries(session: Session, starts: PlannedStarts) -> Sequence[UnfitEntry]:
    """The planned entries of all projects that fit in no opening, by id."""
    rows = (
        select(ProductionSchedule)
        .join(Project, Project.id == ProductionSchedule.project_id)
        .where(ProductionSchedule.state == ScheduleState.PLANNED, Project.deleted_at.is_(None))
        .order_by(ProductionSchedule.id)
    )
    found = ((row, find_misfit(row, starts)) for row in session.scalars(rows))
    return [UnfitEntry(row, misfit) for row, misfit in found if misfit is not None]


def _is_due_too_soon(due_at: datetime, start: datetime, window: Window) -> Misfit:
    local_due, local_start = _local(due_at, window), _local(start, window)
    return Misfit(
        f"It is due {local_due}, and the production window opens at {local_start}",
        InvalidError.field("due_at", due_at.isoformat(), f"a time after {_describe_opening(start, window)}"),
    )


def _takes_too_long(estimate: timedelta, length: timedelta) -> Misfit:
    reason = f"Its renders take about {_hours(estimate)}, longer than the production window of {_hours(length)}"
    details = {"estimate_s": estimate.total_seconds(), "window_s": length.total_seconds()}
    return Misfit(reason, InvalidError(f"{reason}: plan its scenes in several nights", details=details))


def _ends_too_late(due_at: datetime, start: datetime, estimate: timedelta, window: Window) -> Misfit:
    opens, takes = _describe_opening(start, window), _hours(estimate)
    expected = f"a time at least {takes} after {opens}: so long it takes"
    return Misfit(
        f"It is due {_local(due_at, window)}, and its renders take about {takes} from {_local(start, window)}",
        InvalidError.field("due_at", due_at.isoformat(), expected),
    )


def _describe_opening(start: datetime, window: Window) -> str:
    return f"{start.astimezone(window.zone_info).isoformat()}, when the production window is open"


def _local(moment: datetime, window: Window) -> str:
    return f"{moment.astimezone(window.zone_info):%Y-%m-%d %H:%M} {window.zone}"


def _hours(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
