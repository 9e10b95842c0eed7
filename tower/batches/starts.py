"""When a planned entry of the schedule starts, and why not sooner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.stored_window import load_window
from tower.batches.window import Window


@dataclass(frozen=True)
class PlannedStarts:
    """The window and the time by which planned entries start."""

    window: Window
    now: datetime

    @classmethod
    def read(cls, session: Session) -> Self:
        return cls(load_window(session), read_clock(session))

    def find_start(self, row: ProductionSchedule) -> datetime:
        """When the planned entry starts: at its time, or the next time that the window is open."""
        return self.window.first_start(max(row.start_at, row.postponed_until or row.start_at), self.now)

    def explain_wait(self, row: ProductionSchedule) -> str | None:
        """Why a planned entry does not start at its time. None if it does, or is no longer planned."""
        if row.state != ScheduleState.PLANNED:
            return None
        start = self.find_start(row)
        local = f"{start.astimezone(self.window.zone_info):%Y-%m-%d %H:%M} {self.window.zone}"
        if row.postponed_reason is not None:
            return f"postponed until {local}: {row.postponed_reason}"
        if start > row.start_at:
            return f"waiting for the production window, which opens at {local}"
        if row.batch_id is not None:
            return f"waiting in batch {row.batch_id} for the renders before it"
        return None


def seconds_until_start(session: Session, schedule_id: int) -> float | None:
    """The seconds until the entry starts by the database's clock, not below 0. None for one that is not planned."""
    row = session.get(ProductionSchedule, schedule_id, populate_existing=True)
    if row is None or row.state != ScheduleState.PLANNED:
        return None
    starts = PlannedStarts.read(session)
    return max(0.0, (starts.find_start(row) - starts.now).total_seconds())


def read_clock(session: Session) -> datetime:
    """The time by the database's clock, which all machines share."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now
