"""A small reader of CMX 3600, which knows nothing of OpenTimelineIO."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"^(\d{3})  (\S+) +V +(C|D) +(\d{3})? *(\S+) (\S+) (\S+) (\S+)$")


@dataclass(frozen=True)
class EdlLine:
    """A line of an event. Times are frames; the ends are excluded."""

    event: int
    reel: str
    dissolve: int
    source: tuple[int, int]
    record: tuple[int, int]


def read_edl(text: str, base: int) -> list[EdlLine]:
    """The lines of the events. `base`: the frames that a second of timecode counts."""
    found = [_LINE.match(line) for line in text.splitlines()]
    return [_line(match, base) for match in found if match]


def read_locators(text: str, base: int) -> list[tuple[int, str]]:
    found = re.findall(r"^\* LOC: (\S+) RED     (.*)$", text, re.MULTILINE)
    return [(to_frames(time, base), name) for time, name in found]


def to_frames(timecode: str, base: int) -> int:
    """Drop-frame timecode leaves out the first numbers of each minute but every tenth."""
    hours, minutes, seconds, frames = map(int, re.split("[:;]", timecode))
    passed = 60 * hours + minutes
    dropped = (base // 15) * (passed - passed // 10) if ";" in timecode else 0
    return (passed * 60 + seconds) * base + frames - dropped


def _line(match: re.Match[str], base: int) -> EdlLine:
    event, reel, _, dissolve, *times = match.groups()
    first, last, start, end = (to_frames(time, base) for time in times)
    return EdlLine(int(event), reel, int(dissolve or 0), (first, last), (start, end))
