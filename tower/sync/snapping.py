"""Which beat each cut takes: the cheapest way through all beats, by dynamic programming.

What a way costs is the sum over its shots of `(ln ratio / ln max_ratio)²`, and over its cuts of
`move · (beats moved)²`, of `strength · (1 − the strength of the beat)` and of `−turn · the turn of the beat`. A ratio
beyond the bounds is not taken at any price, nor a beat that is more than MAX_MOVE_BEATS from the wish. Time
O(shots × MAX_MOVE_BEATS²), memory O(shots × MAX_MOVE_BEATS).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

ROUNDING_TOLERANCE = 1e-9  # for rounding errors at the bounds
MAX_MOVE_BEATS = 32  # distance in beats by which a cut may be moved at most


class StretchError(TowerError):
    """A shot would have to be stretched or shortened beyond the bounds."""

    code = ErrorCode.STRETCH_TOO_LARGE
    status = 422


@dataclass(frozen=True)
class RatioBounds:
    """The bounds of a shot's ratio, which is its length in the result divided by its own length. Over 1 is slower."""

    min_ratio: float = 0.8
    max_ratio: float = 1.25

    def allows(self, ratio: float) -> bool:
        return self.min_ratio - ROUNDING_TOLERANCE <= ratio <= self.max_ratio + ROUNDING_TOLERANCE

    def __str__(self) -> str:
        return f"{self.min_ratio:.3g}–{self.max_ratio:.3g}"


@dataclass(frozen=True)
class CostWeights:
    """What counts beside an even pace, and how much. `move`: a distance of one beat; `strength`: weak or strong;
    `turn`: whether the music turns there, as it does where a section starts.
    """

    move: float
    strength: float
    turn: float = 0.0


EVENT_WEIGHTS = CostWeights(
    move=1.0, strength=0.25, turn=0.25
)  # moments that were asked for: the nearest beat, unless another fits better
# wished lengths: a downbeat some beats away is better than any beat
SCENE_WEIGHTS = CostWeights(move=0.1, strength=1.0, turn=0.5)


@dataclass(frozen=True)
class CutPosition:
    """Where a cut may be: `at_s` in the result, on a beat of this strength. `turn`: 0–1, where the music turns."""

    at_s: float
    beat: int
    strength: float
    turn: float = 0.0


@dataclass(frozen=True)
class ShotSequence:
    """Consecutive shots. `lengths_s`: their own lengths; `targets_s`: the desired cut after each but the last.

    `total_s`: the exact length of the result. `period_s`: the length of a beat.
    """

    lengths_s: Sequence[float]
    targets_s: Sequence[float]
    total_s: float
    period_s: float


@dataclass(frozen=True)
class _PartialPlan:
    """The lowest cost of a cut at a position, and the index of the position before it (−1 is the start)."""

    cost: float
    before: int


def snap_cuts(
    sequence: ShotSequence, positions: Sequence[CutPosition], *, weights: CostWeights, bounds: RatioBounds
) -> list[CutPosition]:
    """Choose the position of the cut after each shot but the last. `positions` ascend.

    Raises StretchError, which names the first shot that cannot be fitted.
    """
    search = _Search(sequence, positions, weights, bounds)
    layers = [{-1: _PartialPlan(0.0, -1)}]
    for number in range(len(sequence.lengths_s) - 1):
        layers.append(search.cuts_after(number, layers[-1]))
    last = search.best_last_cut(layers[-1])
    chosen: list[CutPosition] = []
    for layer in layers[:0:-1]:
        chosen.append(positions[last])
        last = layer[last].before
    return chosen[::-1]


class _Search:
    def __init__(
        self, course: ShotSequence, spots: Sequence[CutPosition], taste: CostWeights, bounds: RatioBounds
    ) -> None:
        self._course, self._spots, self._taste, self._bounds = course, spots, taste, bounds
        self._times = [spot.at_s for spot in spots]

    def cuts_after(self, number: int, here: Mapping[int, _PartialPlan]) -> dict[int, _PartialPlan]:
        """The cheapest cuts after the shot, by position. Raises StretchError if there are none."""
        found: dict[int, _PartialPlan] = {}
        for before, reached in here.items():
            for spot in self._reachable(number, before):
                cost = reached.cost + self._stretch_cost(number, before, self._times[spot]) + self._price(number, spot)
                if spot not in found or cost < found[spot].cost:
                    found[spot] = _PartialPlan(cost, before)
        if not found:
            raise self._stretch_error(number, here, [self._times[spot] for spot in self._near(number)])
        return found

    def best_last_cut(self, here: Mapping[int, _PartialPlan]) -> int:
        """The cheapest last cut from which the last shot can reach the end of the result. Raises StretchError."""
        number, whole = len(self._course.lengths_s) - 1, self._course.total_s
        costs = {
            before: reached.cost + self._stretch_cost(number, before, whole)
            for before, reached in here.items()
            if self._bounds.allows(self._ratio(number, before, whole))
        }
        if not costs:
            raise self._stretch_error(number, here, [whole])
        return min(costs, key=lambda before: costs[before])

    def _reachable(self, number: int, before: int) -> range:
        """Positions at which the shot can end, given the cut before it."""
        start, length, near = self._start(before), self._course.lengths_s[number], self._near(number)
        first = bisect_left(self._times, start + length * self._bounds.min_ratio - ROUNDING_TOLERANCE)
        past = bisect_right(self._times, start + length * self._bounds.max_ratio + ROUNDING_TOLERANCE)
        return range(max(first, near.start, before + 1), min(past, near.stop))

    def _near(self, number: int) -> range:
        """Positions near the target."""
        at = bisect_left(self._times, self._course.targets_s[number])
        return range(max(0, at - MAX_MOVE_BEATS), min(len(self._times), at + MAX_MOVE_BEATS))

    def _start(self, before: int) -> float:
        return self._times[before] if before >= 0 else 0.0

    def _ratio(self, number: int, before: int, end_s: float) -> float:
        return (end_s - self._start(before)) / self._course.lengths_s[number]

    def _stretch_cost(self, number: int, before: int, end_s: float) -> float:
        return (math.log(self._ratio(number, before, end_s)) / math.log(self._bounds.max_ratio)) ** 2

    def _price(self, number: int, spot: int) -> float:
        moved = (self._times[spot] - self._course.targets_s[number]) / self._course.period_s
        beat = self._spots[spot]
        weakness = self._taste.strength * (1 - beat.strength)
        return self._taste.move * moved**2 + weakness - self._taste.turn * beat.turn

    def _stretch_error(self, number: int, here: Mapping[int, _PartialPlan], ends_s: Sequence[float]) -> StretchError:
        """The error with the shot, the mildest ratio it would need, and the bounds."""
        length, whole = self._course.lengths_s[number], self._course.total_s
        ratios = [ratio for before in here for ratio in self._mildest_ratios(number, before, ends_s)]
        ratio = min(ratios, key=lambda ratio: abs(math.log(ratio)), default=None)
        shot = f"Shot {number + 1} of {len(self._course.lengths_s)} ({length:.2f} s)"
        if ratio is None:
            message = f"{shot} cannot end on a beat: there is none left before the end at {whole:.2f} s"
        else:
            where = f"at {whole:.2f} s" if ends_s == [whole] else "on a beat"
            message = f"{shot} would have to be stretched by {ratio:.2f} to end {where}; the bounds are {self._bounds}"
        known = {"shot": number + 1, "length_s": round(length, 3), "ratio": ratio and round(ratio, 4)}
        return StretchError(message, details={**known, "least": self._bounds.min_ratio, "most": self._bounds.max_ratio})

    def _mildest_ratios(self, number: int, before: int, ends_s: Sequence[float]) -> list[float]:
        """The ratios for the two ends nearest to the shot's own length."""
        at = bisect_left(ends_s, self._start(before) + self._course.lengths_s[number])
        ratios = (self._ratio(number, before, end_s) for end_s in ends_s[max(at - 1, 0) : at + 1])
        return [ratio for ratio in ratios if ratio > 0]
