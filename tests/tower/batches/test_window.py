"""The window on ordinary nights, on the nights on which the clocks change, and in zones with unusual changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tower.batches.window import ALWAYS_OPEN, find_moment, is_exact, parse_window
from tower.errors import InvalidError

BERLIN = "Europe/Berlin"
LORD_HOWE = "Australia/Lord_Howe"  # its clocks move by half an hour
NIGHT = parse_window("22:00", "07:00", BERLIN)


def clock(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return clock(text).replace(tzinfo=UTC)


def test_a_window_over_midnight_is_open_from_its_first_minute_until_its_last() -> None:
    for moment, is_open in (
        ("2027-01-10T20:59:59", False),
        ("2027-01-10T21:00:00", True),
        ("2027-01-11T02:00:00", True),
        ("2027-01-11T05:59:59", True),
        ("2027-01-11T06:00:00", False),
    ):
        assert NIGHT.is_open(utc(moment)) is is_open, moment
    assert NIGHT.closes_at(utc("2027-01-10T23:00")) == utc("2027-01-11T06:00")
    assert NIGHT.closes_at(utc("2027-01-10T12:00")) is None
    assert NIGHT.next_opening(utc("2027-01-10T21:00")) == utc("2027-01-11T21:00")


def test_a_window_of_one_day_ends_on_the_same_day() -> None:
    noon = parse_window("11:30", "13:00", BERLIN)
    opening = noon.find_opening(utc("2027-07-01T10:00"))
    assert opening is not None
    assert (opening.opens_at, opening.closes_at) == (utc("2027-07-01T09:30"), utc("2027-07-01T11:00"))


@pytest.mark.parametrize(
    ("window", "now", "opens_at", "closes_at"),
    [
        (("22:00", "07:00", BERLIN), "2027-03-27T12:00", "2027-03-27T21:00", "2027-03-28T05:00"),  # 8 hours
        (("22:00", "07:00", BERLIN), "2027-10-30T12:00", "2027-10-30T20:00", "2027-10-31T06:00"),  # 10 hours
        (("02:30", "05:00", BERLIN), "2027-03-27T12:00", "2027-03-28T01:00", "2027-03-28T03:00"),  # no 02:30
        (("23:00", "02:30", BERLIN), "2027-03-27T12:00", "2027-03-27T22:00", "2027-03-28T01:00"),
        (("02:30", "05:00", BERLIN), "2027-10-30T12:00", "2027-10-31T00:30", "2027-10-31T04:00"),  # 02:30 twice
        (("23:00", "02:30", BERLIN), "2027-10-30T12:00", "2027-10-30T21:00", "2027-10-31T00:30"),
        (("22:00", "07:00", LORD_HOWE), "2027-10-02T08:00", "2027-10-02T11:30", "2027-10-02T20:00"),  # 8.5 hours
        (("22:00", "07:00", LORD_HOWE), "2027-04-03T08:00", "2027-04-03T11:00", "2027-04-03T20:30"),  # 9.5 hours
        (("02:15", "04:00", LORD_HOWE), "2027-10-02T08:00", "2027-10-02T15:30", "2027-10-02T17:00"),  # no 02:15
        (("01:45", "04:00", LORD_HOWE), "2027-04-03T08:00", "2027-04-03T14:45", "2027-04-03T17:30"),  # 01:45 twice
    ],
)
def test_the_nights_on_which_the_clocks_change(
    window: tuple[str, str, str], now: str, opens_at: str, closes_at: str
) -> None:
    opening = parse_window(*window).list_next(utc(now), 1)[0]
    assert (opening.opens_at, opening.closes_at) == (utc(opens_at), utc(closes_at))


def test_a_window_that_the_change_leaves_out_does_not_open_that_night() -> None:
    small = parse_window("02:10", "02:50", BERLIN)
    assert small.next_opening(utc("2027-03-27T12:00")) == utc("2027-03-29T00:10")
    assert not small.is_open(utc("2027-03-28T01:00"))


@settings(max_examples=40)
@given(
    minutes=st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda pair: pair[0] != pair[1]),
    zone=st.sampled_from([BERLIN, LORD_HOWE, "America/New_York", "Africa/Cairo", "Asia/Kathmandu", "America/Santiago"]),
    now=st.datetimes(clock("2026-01-01"), clock("2029-01-01")),
)
def test_openings_never_overlap_and_say_when_the_window_is_open(
    minutes: tuple[int, int], zone: str, now: datetime
) -> None:
    start, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in minutes)
    window, moment = parse_window(start, end, zone), now.replace(tzinfo=UTC)
    openings = window.list_next(moment, 4)
    assert all(one.closes_at <= other.opens_at for one, other in pairwise(openings))
    for opening in openings:
        assert window.find_opening(opening.opens_at) == opening
        assert window.find_opening(opening.closes_at - timedelta(microseconds=1)) == opening
        assert window.find_opening(opening.opens_at - timedelta(microseconds=1)) != opening
    assert window.is_open(moment) or window.find_opening(openings[0].opens_at) == openings[0]
    start_at = window.first_start(moment, moment)
    assert window.is_open(start_at)
    assert start_at >= moment


def test_work_starts_at_its_time_in_the_window_or_when_the_window_opens() -> None:
    afternoon, night = utc("2027-01-10T15:00"), utc("2027-01-10T23:00")
    assert NIGHT.first_start(afternoon, afternoon) == utc("2027-01-10T21:00")
    assert NIGHT.first_start(night, afternoon) == night
    assert NIGHT.first_start(night, utc("2027-01-11T05:00")) == night
    missed = NIGHT.first_start(night, utc("2027-01-11T12:00"))
    assert missed == utc("2027-01-11T21:00")
    assert NIGHT.first_start(afternoon, utc("2027-01-14T01:00")) == utc("2027-01-13T21:00")  # three nights were missed


def test_without_a_window_work_starts_at_its_time_and_a_day_is_an_opening() -> None:
    moment = utc("2027-03-28T01:00")
    assert ALWAYS_OPEN.is_open(moment)
    assert ALWAYS_OPEN.first_start(moment, utc("2027-06-01T00:00")) == moment
    assert ALWAYS_OPEN.closes_at(moment) == utc("2027-03-29T00:00")


@pytest.mark.parametrize(
    ("start", "end", "zone", "field"),
    [
        ("25:00", "07:00", BERLIN, "start"),
        ("22:00", "7:00", BERLIN, "end"),
        ("22:00:30", "07:00", BERLIN, "start"),
        ("22:00", "22:00", BERLIN, "end"),
        ("22:00", "07:00", "Berlin", "zone"),
        ("22:00", "07:00", "../etc/passwd", "zone"),
        ("22:00", "07:00", "localtime", "zone"),
        ("22:00", "07:00", "Factory", "zone"),
    ],
)
def test_what_is_not_a_window_is_refused(start: str, end: str, zone: str, field: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        parse_window(start, end, zone)
    assert (refusal.value.details or {})["field"] == field


def test_a_time_that_a_night_leaves_out_or_has_twice_is_not_exact() -> None:
    berlin = ZoneInfo(BERLIN)
    assert is_exact(clock("2027-03-28T03:00"), berlin)
    assert not is_exact(clock("2027-03-28T02:30"), berlin)
    assert not is_exact(clock("2027-10-31T02:30"), berlin)
    assert find_moment(clock("2027-03-28T02:30"), berlin) == utc("2027-03-28T01:00")
