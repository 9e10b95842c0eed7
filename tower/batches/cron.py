"""The cron line by which Prefect starts a batch when the window opens.

Prefect runs a cron line an hour early whose time a night leaves out, so the line names a time that every night of the
next years has exactly once. If the window has no such time, the runs of the entries start the batch on such a night.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from tower.batches.window import DAY, Window, is_exact

STEP = timedelta(minutes=30)
LOOK_AHEAD_DAYS = 2 * 366
DAILY_AT = time(22, 0)  # UTC, without a window; as in prefect.yaml


@dataclass(frozen=True)
class Cron:
    """A cron line of five fields, on the clocks of a time zone."""

    line: str
    zone: str


@lru_cache(maxsize=8)
def choose_cron(window: Window, today: date) -> Cron:
    """The cron line for the first time in the window that every night has exactly once, else for its start."""
    chosen = DAILY_AT if window.is_always_open else _choose_time(window, today)
    return Cron(f"{chosen.minute} {chosen.hour} * * *", window.zone)


def _choose_time(window: Window, today: date) -> time:
    start = datetime.combine(today, window.start)
    end = datetime.combine(today, window.end)
    if end <= start:
        end += DAY
    tried = start
    while tried < end:
        if _is_exact_every_day(tried.time(), window, today):
            return tried.time()
        tried += STEP
    return window.start


def _is_exact_every_day(clock: time, window: Window, today: date) -> bool:
    days = (today + number * DAY for number in range(LOOK_AHEAD_DAYS))
    return all(is_exact(datetime.combine(day, clock), window.zone_info) for day in days)
