"""The cron line of a window names a time that every night has once."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest
from prefect.server.schemas.schedules import CronSchedule

from tower.batches.cron import choose_cron
from tower.batches.window import ALWAYS_OPEN, parse_window

TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("start", "end", "zone", "line"),
    [
        ("22:00", "07:00", "Europe/Berlin", "0 22 * * *"),
        ("02:15", "07:00", "Europe/Berlin", "15 3 * * *"),
        ("02:00", "03:00", "Europe/Berlin", "0 2 * * *"),  # no time of it is safe
        ("02:15", "07:00", "Australia/Lord_Howe", "45 2 * * *"),
        ("02:15", "07:00", "Asia/Tokyo", "15 2 * * *"),  # its clocks do not change
        ("23:30", "05:00", "Africa/Cairo", "0 1 * * *"),  # they change at midnight
    ],
)
def test_the_first_time_of_the_window_that_no_night_leaves_out(start: str, end: str, zone: str, line: str) -> None:
    cron = choose_cron(parse_window(start, end, zone), TODAY)
    assert (cron.line, cron.zone) == (line, zone)


def test_without_a_window_a_batch_is_looked_for_once_a_day() -> None:
    cron = choose_cron(ALWAYS_OPEN, TODAY)
    assert (cron.line, cron.zone) == ("0 22 * * *", "UTC")


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("22:00", "07:00", "Europe/Berlin"),
        ("02:15", "07:00", "Europe/Berlin"),
        ("02:15", "07:00", "Australia/Lord_Howe"),
        ("22:00", "07:00", "Australia/Lord_Howe"),
        ("23:30", "05:00", "Africa/Cairo"),
    ],
)
def test_the_runs_that_prefect_makes_lie_in_each_opening_of_a_year(start: str, end: str, zone: str) -> None:
    window = parse_window(start, end, zone)
    cron = choose_cron(window, TODAY)
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    runs = asyncio.run(CronSchedule(cron=cron.line, timezone=cron.zone).get_dates(n=365, start=new_year))
    openings = [window.find_opening(run.astimezone(UTC)) for run in runs]
    assert None not in openings
    assert len(set(openings)) == len(runs) == 365
