"""Opens batches: starts the due entries of the production schedule while the window is open."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.batches import Batch
from db.models.jobs import LIVE_STATUSES, JobType, ProductionJob
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.entries import OpenedEntry, open_entry
from tower.batches.outcomes import end_batch_if_done, end_entry
from tower.batches.starts import read_clock
from tower.batches.stored_window import load_window
from tower.batches.supply import Supply
from tower.batches.window import Opening
from tower.errors import TowerError, UnavailableError
from tower.errors.foreign import one_line
from tower.rendering.studio import Studio

POSTPONED_FOR_S = 300
MAX_WAITING_RENDERS = 8  # jobs of a batch that wait for a worker; with more, the other entries stay planned
URGENCY = (ProductionSchedule.priority, ProductionSchedule.start_at, ProductionSchedule.id)
IS_DUE = and_(ProductionSchedule.state == ScheduleState.PLANNED, ProductionSchedule.start_at <= func.now())
LIVE: dict[str, Any] = {"ended_at": None, "report": None, "reported_at": None}
IS_NOT_POSTPONED = or_(ProductionSchedule.postponed_until.is_(None), ProductionSchedule.postponed_until <= func.now())
log = logging.getLogger(__name__)


class EntryStart(StrEnum):
    STARTED = "started"
    POSTPONED = "postponed"
    HELD = "held"


@dataclass
class OpenedBatch:
    """What was done with the due entries, by id. `opens_at`: when the window opens next; None if it was open."""

    batch_id: int | None = None
    opens_at: datetime | None = None
    started: list[int] = field(default_factory=list)
    postponed: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)

    def add(self, schedule_id: int, start: EntryStart | None) -> None:
        """Add the entry to the list of its start. None: it did not start here."""
        lists = {EntryStart.STARTED: self.started, EntryStart.POSTPONED: self.postponed, EntryStart.HELD: self.held}
        if start is not None:
            lists[start].append(schedule_id)

    def describe(self) -> str:
        """What was done, in one sentence."""
        if self.opens_at is not None:
            return f"the window is closed until {self.opens_at:%Y-%m-%d %H:%M} UTC"
        if self.batch_id is None:
            return "nothing is due"
        found = (f"{len(ids)} {word}" for word, ids in vars(self).items() if isinstance(ids, list) and ids)
        return f"batch {self.batch_id}: {', '.join(found) or 'nothing to start'}"


def open_batch(
    sessions: SessionFactory, studio: Studio, *, by_hand: bool = False, run_of: int | None = None
) -> OpenedBatch:
    """Start the due entries, the smallest priority first, in the batch of the present opening of the window.

    Outside the window nothing starts, unless a user asks: that is a batch of its own. What cannot be rendered now for
    want of a worker or server is postponed; what has no place is held. An entry that cannot start fails with the
    reason. An unexpected error is logged and leaves its entry planned. `run_of`: the entry whose run this is.
    """
    with sessions() as session:
        now, window = read_clock(session), load_window(session)
        due = (IS_DUE,) if by_hand else (IS_DUE, IS_NOT_POSTPONED)
        ids = session.scalars(select(ProductionSchedule.id).where(*due).order_by(*URGENCY)).all()
    opening = window.find_opening(now)
    if opening is None and not by_hand:
        _release_run(sessions, run_of)
        return OpenedBatch(opens_at=window.next_opening(now))
    if not ids:
        return OpenedBatch()
    batch_id = _begin(sessions, None if by_hand else opening)
    opened = OpenedBatch(batch_id)
    supply = Supply(studio)
    for schedule_id in ids:
        start = _try_start(sessions, schedule_id, supply, batch_id, by_hand=by_hand)
        opened.add(schedule_id, start)
    with sessions.begin() as session:
        end_batch_if_done(session, batch_id)
    return opened


def _release_run(sessions: SessionFactory, schedule_id: int | None) -> None:
    """Forget the run that found the window closed, so that the entry gets one for the next opening."""
    with sessions.begin() as session:
        session.execute(
            update(ProductionSchedule).where(ProductionSchedule.id == schedule_id, IS_DUE).values(flow_run_id=None)
        )


def _begin(sessions: SessionFactory, opening: Opening | None) -> int:
    """The batch of the opening, live again if it had ended; without an opening a new one."""
    values = {} if opening is None else {"opens_at": opening.opens_at, "closes_at": opening.closes_at}
    again = LIVE | {"closes_at": values.get("closes_at"), "updated_at": func.now()}
    with sessions.begin() as session:
        row = insert(Batch).values(values or {"launches": 0})
        row = row.on_conflict_do_update(index_elements=["opens_at"], set_=again)
        return session.scalars(row.returning(Batch.id)).one()


def _keep_live(session: Session, batch_id: int) -> None:
    """Lock the batch. It has ended if another process looked at it before its first entry had started."""
    session.execute(select(Batch.id).where(Batch.id == batch_id).with_for_update())
    session.execute(update(Batch).where(Batch.id == batch_id, Batch.ended_at.is_not(None)).values(LIVE))


def _try_start(
    sessions: SessionFactory, schedule_id: int, supply: Supply, batch_id: int, *, by_hand: bool
) -> EntryStart | None:
    try:
        with sessions.begin() as session:
            return _start(session, schedule_id, supply, batch_id, by_hand=by_hand)
    except OperationalError:
        raise
    except Exception:
        log.exception("Schedule entry %s stays planned", schedule_id)
        return None


def _start(session: Session, schedule_id: int, supply: Supply, batch_id: int, *, by_hand: bool) -> EntryStart | None:
    """Start the entry. Returns None if it is no longer planned or another process starts it."""
    due = select(ProductionSchedule).where(ProductionSchedule.id == schedule_id, IS_DUE)
    row = session.scalar(due.with_for_update(skip_locked=True))
    if row is None:
        return None
    _keep_live(session, batch_id)
    row.batch_id = batch_id
    if not (by_hand or has_place(session, batch_id)):
        row.flow_run_id = None
        return EntryStart.HELD
    row.postponed_until, row.postponed_reason = None, None
    try:
        with session.begin_nested():
            opened = open_entry(session, row, supply.studio)
            supply.require(session, opened.renders)
    except UnavailableError as error:
        row.postponed_until = read_clock(session) + timedelta(seconds=POSTPONED_FOR_S)
        row.postponed_reason = one_line(error.message)
        row.flow_run_id = None
        return EntryStart.POSTPONED
    except TowerError as error:
        opened = OpenedEntry([], [], [])
        row.error_message = error.message
    record_start(row, opened)
    return EntryStart.STARTED


def record_start(row: ProductionSchedule, opened: OpenedEntry) -> None:
    row.state = ScheduleState.STARTED
    row.job_ids = [job.id for job in opened.jobs]
    is_single = len(opened.jobs) == 1 or (opened.jobs and opened.jobs[0].job_type == JobType.FILM)
    row.job_id = opened.jobs[0].id if is_single else None
    row.scenes = [scene.as_json() for scene in opened.scenes]
    row.error_message = row.error_message or "; ".join(opened.refusals) or None
    if not opened.jobs:
        end_entry(row, [])


def has_place(session: Session, batch_id: int) -> bool:
    """Whether few enough jobs of the batch wait, so that little of it starts after the window has closed."""
    job_ids = select(func.unnest(ProductionSchedule.job_ids)).where(ProductionSchedule.batch_id == batch_id)
    waiting = select(func.count()).where(
        ProductionJob.id.in_(job_ids),
        ProductionJob.status.in_(LIVE_STATUSES),
        ProductionJob.started_at.is_(None),
        ProductionJob.job_type != JobType.FILM,
    )
    return (session.scalar(waiting) or 0) < MAX_WAITING_RENDERS
