"""The hours of the day in which scheduled work may start, on the clock of one time zone.

Clocks are moved twice a year in many zones. A time that a night leaves out counts as the moment of the change, and of
a time that comes twice the first one counts, so each window has one beginning and one end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from tower.errors import InvalidError

_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NO_PLACES = {"localtime", "Factory", "posixrules"}  # in some lists; they say nothing, or another zone on each machine
SPARE_DAYS = 2  # an opening lasts a day at most, and a zone may skip a date


@dataclass(frozen=True)
class Opening:
    """One time that the window is open, in UTC: from `opens_at` until just before `closes_at`."""

    opens_at: datetime
    closes_at: datetime

    def contains(self, moment: datetime) -> bool:
        return self.opens_at <= moment < self.closes_at

    @property
    def length(self) -> timedelta:
        return self.closes_at - self.opens_at


@dataclass(frozen=True)
class Window:
    """A window from `start` to `end` on the clocks of `zone`. One that ends before it starts goes over midnight.

    The window without hours is ALWAYS_OPEN; its openings are the days of UTC.
    """

    start: time
    end: time
    zone: str

    @property
    def is_always_open(self) -> bool:
        return self.start == self.end

    @cached_property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def find_opening(self, now: datetime) -> Opening | None:
        """The opening that contains this moment; None if the window is closed then."""
        around = islice(self._openings(now), 2 * SPARE_DAYS + 1)
        return next((opening for opening in around if opening.contains(now)), None)

    def is_open(self, now: datetime) -> bool:
        return self.find_opening(now) is not None

    def list_next(self, now: datetime, count: int = 3) -> list[Opening]:
        """The openings that begin after this moment, in order."""
        later = (opening for opening in self._openings(now) if opening.opens_at > now)
        return list(islice(later, count))

    def next_opening(self, now: datetime) -> datetime:
        """When the window opens for the first time after this moment."""
        return self.list_next(now, 1)[0].opens_at

    def closes_at(self, now: datetime) -> datetime | None:
        """When the window closes that is open at this moment; None if it is closed."""
        opening = self.find_opening(now)
        return None if opening is None else opening.closes_at

    def first_start(self, start_at: datetime, now: datetime) -> datetime:
        """When work may start that may not start before `start_at`.

        It stays the same from one moment to the next until its opening has passed.
        """
        if self.is_always_open:
            return start_at
        wanted = start_at if self.is_open(start_at) else self.next_opening(start_at)
        missed = self.find_opening(wanted)
        if missed is None or now < missed.closes_at:
            return wanted
        current = self.find_opening(now)
        return self.next_opening(now) if current is None else current.opens_at

    def _openings(self, now: datetime) -> Iterator[Opening]:
        """The openings from some days before, without end, and without those that a change of the clocks leaves out."""
        day = now.astimezone(self.zone_info).date() - SPARE_DAYS * DAY
        while True:
            opening = self._opening_on(day)
            if opening.opens_at < opening.closes_at:
                yield opening
            day += DAY

    def _opening_on(self, day: date) -> Opening:
        last_day = day + DAY if self.end <= self.start else day
        opens_at = find_moment(datetime.combine(day, self.start), self.zone_info)
        return Opening(opens_at, find_moment(datetime.combine(last_day, self.end), self.zone_info))


ALWAYS_OPEN = Window(time(0), time(0), "UTC")


def parse_window(start: str, end: str, zone: str) -> Window:
    """A window of hours such as 22:00 and 07:00. Raises InvalidError, also for an end that equals the start."""
    for name, value in (("start", start), ("end", end)):
        if _CLOCK_TIME.fullmatch(value) is None:
            raise InvalidError.field(name, value, "a time of the day from 00:00 to 23:59, such as 22:00")
    if zone not in _zone_names():
        raise InvalidError.field("zone", zone, "the IANA name of a time zone, such as Europe/Berlin")
    if start == end:
        raise InvalidError.field("end", end, "another time than start; without a window, work starts at any time")
    return Window(time.fromisoformat(start), time.fromisoformat(end), zone)


def find_moment(clock: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of the zone show this time, in UTC."""
    after = clock.replace(tzinfo=zone).astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) == clock:
        return after
    before = clock.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _find_change(before, after, zone)


def is_exact(clock: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of the zone show this time once: not twice, and not never."""
    first, second = (clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first == second


def _find_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second in which the clocks are changed between two moments."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - NO_PLACES
