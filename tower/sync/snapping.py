"""Which beat each cut takes: the cheapest way through all beats, by dynamic programming.

What a way costs is the sum over its shots of `(ln ratio / ln most)²`, and over its cuts of `move · (beats moved)²` and
of `strength · (1 − the strength of the beat)`. A ratio beyond the bounds is not taken at any price, nor a beat that is
more than FARTHEST beats from the wish. Time O(shots × FARTHEST²), memory O(shots × FARTHEST).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

SLACK = 1e-9  # of rounding, on the bounds
FARTHEST = 32  # beats that a cut may be moved


class StretchError(TowerError):
    """A shot would have to be stretched or squeezed beyond the bounds."""

    code = ErrorCode.STRETCH_TOO_LARGE
    status = 422


@dataclass(frozen=True)
class Bounds:
    """Of a shot's ratio: its length in the result by its own length. Over 1 is slower."""

    least: float = 0.8
    most: float = 1.25

    def allow(self, ratio: float) -> bool:
        return self.least - SLACK <= ratio <= self.most + SLACK

    def __str__(self) -> str:
        return f"{self.least:.3g}–{self.most:.3g}"


@dataclass(frozen=True)
class Taste:
    """What counts beside an even pace, and how much. `move`: a distance of one beat; `strength`: weak or strong."""

    move: float
    strength: float


EVENTS = Taste(move=1.0, strength=0.25)  # moments that were asked for: the nearest beat, unless another fits better
SCENES = Taste(move=0.1, strength=1.0)  # wished lengths: a downbeat some beats away is better than any beat


@dataclass(frozen=True)
class Spot:
    """Where a cut may be: `at_s` in the result, on a beat of this strength."""

    at_s: float
    beat: int
    strength: float


@dataclass(frozen=True)
class Course:
    """Shots, one after another. `lengths_s`: their own; `wishes_s`: where the cut after each but the last is wished.

    `whole_s`: how long the result is, exactly. `period_s`: of a beat.
    """

    lengths_s: Sequence[float]
    wishes_s: Sequence[float]
    whole_s: float
    period_s: float


@dataclass(frozen=True)
class _Reached:
    """The cheapest way to have a cut at a spot, and the spot before it (−1: the start)."""

    cost: float
    before: int


def place(course: Course, spots: Sequence[Spot], *, taste: Taste, bounds: Bounds) -> list[Spot]:
    """The spot of the cut after each shot but the last. `spots` ascend.

    Raises StretchError, naming the first shot that no way leads past.
    """
    search = _Search(course, spots, taste, bounds)
    layers = [{-1: _Reached(0.0, -1)}]
    for number in range(len(course.lengths_s) - 1):
        layers.append(search.after(number, layers[-1]))
    last = search.best_last(layers[-1])
    way: list[Spot] = []
    for layer in layers[:0:-1]:
        way.append(spots[last])
        last = layer[last].before
    return way[::-1]


class _Search:
    def __init__(self, course: Course, spots: Sequence[Spot], taste: Taste, bounds: Bounds) -> None:
        self._course, self._spots, self._taste, self._bounds = course, spots, taste, bounds
        self._times = [spot.at_s for spot in spots]

    def after(self, number: int, here: Mapping[int, _Reached]) -> dict[int, _Reached]:
        """From the cuts before the shot to those after it. Raises StretchError if there are none."""
        found: dict[int, _Reached] = {}
        for before, reached in here.items():
            for spot in self._in_reach(number, before):
                cost = reached.cost + self._stretch(number, before, self._times[spot]) + self._price(number, spot)
                if spot not in found or cost < found[spot].cost:
                    found[spot] = _Reached(cost, before)
        if not found:
            raise self._too_far(number, here, [self._times[spot] for spot in self._near(number)])
        return found

    def best_last(self, here: Mapping[int, _Reached]) -> int:
        """The last cut from which the last shot ends where the result does. Raises StretchError."""
        number, whole = len(self._course.lengths_s) - 1, self._course.whole_s
        costs = {
            before: reached.cost + self._stretch(number, before, whole)
            for before, reached in here.items()
            if self._bounds.allow(self._ratio(number, before, whole))
        }
        if not costs:
            raise self._too_far(number, here, [whole])
        return min(costs, key=lambda before: costs[before])

    def _in_reach(self, number: int, before: int) -> range:
        """Spots that the shot can be brought to, from the cut before it."""
        start, length, near = self._start(before), self._course.lengths_s[number], self._near(number)
        first = bisect_left(self._times, start + length * self._bounds.least - SLACK)
        past = bisect_right(self._times, start + length * self._bounds.most + SLACK)
        return range(max(first, near.start, before + 1), min(past, near.stop))

    def _near(self, number: int) -> range:
        """Spots about the wish."""
        at = bisect_left(self._times, self._course.wishes_s[number])
        return range(max(0, at - FARTHEST), min(len(self._times), at + FARTHEST))

    def _start(self, before: int) -> float:
        return self._times[before] if before >= 0 else 0.0

    def _ratio(self, number: int, before: int, end_s: float) -> float:
        return (end_s - self._start(before)) / self._course.lengths_s[number]

    def _stretch(self, number: int, before: int, end_s: float) -> float:
        return (math.log(self._ratio(number, before, end_s)) / math.log(self._bounds.most)) ** 2

    def _price(self, number: int, spot: int) -> float:
        moved = (self._times[spot] - self._course.wishes_s[number]) / self._course.period_s
        return self._taste.move * moved**2 + self._taste.strength * (1 - self._spots[spot].strength)

    def _too_far(self, number: int, here: Mapping[int, _Reached], ends_s: Sequence[float]) -> StretchError:
        """Says which shot, what the mildest ratio would be, and the bounds."""
        length, whole = self._course.lengths_s[number], self._course.whole_s
        ratios = [ratio for before in here for ratio in self._mildest(number, before, ends_s)]
        ratio = min(ratios, key=lambda ratio: abs(math.log(ratio)), default=None)
        shot = f"Shot {number + 1} of {len(self._course.lengths_s)} ({length:.2f} s)"
        if ratio is None:
            message = f"{shot} cannot end on a beat: there is none left before the end at {whole:.2f} s"
        else:
            where = f"at {whole:.2f} s" if ends_s == [whole] else "on a beat"
            message = f"{shot} would have to be stretched by {ratio:.2f} to end {where}; the bounds are {self._bounds}"
        known = {"shot": number + 1, "length_s": round(length, 3), "ratio": ratio and round(ratio, 4)}
        return StretchError(message, details={**known, "least": self._bounds.least, "most": self._bounds.most})

    def _mildest(self, number: int, before: int, ends_s: Sequence[float]) -> list[float]:
        """Of the ends beside that of the shot at its own length."""
        at = bisect_left(ends_s, self._start(before) + self._course.lengths_s[number])
        ratios = (self._ratio(number, before, end_s) for end_s in ends_s[max(at - 1, 0) : at + 1])
        return [ratio for ratio in ratios if ratio > 0]
