"""Keeps the schedule of the deployment `batch` in Prefect as the window says, also after a new deployment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.engine import SessionFactory
from tower.batches.cron import Cron, choose_cron
from tower.batches.starts import read_clock
from tower.batches.stored_window import load_window
from tower.batches.window import Window
from tower.clients.prefect import PrefectClient
from tower.errors import UnavailableError

BATCH_DEPLOYMENT = "batch/batch"
SLUG = "window"
ALIGN_EVERY_S = 60.0
READ_BACK_S = 4.0  # Prefect makes the runs about 2 s after the edit
POLL_S = 0.25


@dataclass(frozen=True)
class BatchSchedule:
    """The schedule in Prefect, and when its next runs are due. Without runs, `reason` says why."""

    cron: Cron
    next_runs: Sequence[datetime] = ()
    reason: str | None = None


class ScheduleAlignment:
    """Compares the schedule with the window every minute: a deployment brings back that of prefect.yaml."""

    def __init__(self, sessions: SessionFactory, prefect: PrefectClient) -> None:
        self._sessions = sessions
        self._prefect = prefect
        self._aligned_at = float("-inf")

    def align(self) -> None:
        if time.monotonic() < self._aligned_at + ALIGN_EVERY_S:
            return
        with self._sessions.begin() as session:
            window, now = load_window(session), read_clock(session)
        with contextlib.suppress(UnavailableError):  # Prefect is away, or the deployment is not there yet
            apply_window(self._prefect, window, now)
        self._aligned_at = time.monotonic()


def apply_window(prefect: PrefectClient, window: Window, now: datetime) -> Cron:
    """Set the schedule of the deployment to the window. Raises UnavailableError."""
    cron = choose_cron(window, now.astimezone(window.zone_info).date())
    prefect.set_cron(BATCH_DEPLOYMENT, SLUG, line=cron.line, timezone=cron.zone)
    return cron


def read_back(prefect: PrefectClient, cron: Cron, *, wait_s: float = READ_BACK_S) -> BatchSchedule:
    """The runs that Prefect has made for the schedule; it takes some seconds after an edit. Raises UnavailableError."""
    deadline = time.monotonic() + wait_s
    while True:
        seen = prefect.list_due_times(BATCH_DEPLOYMENT, SLUG)
        if seen:
            return BatchSchedule(cron, seen)
        if time.monotonic() > deadline:
            return BatchSchedule(cron, (), "Prefect has not made the next runs yet: it does within a minute")
        time.sleep(POLL_S)
