"""Lists merged three-way, as diff3 merges lines: what only one side changed is taken, the rest is in dispute."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True)
class Stretch(Generic[Item]):
    """A part of the list as it is in base, ours and theirs."""

    base: Sequence[Item]
    ours: Sequence[Item]
    theirs: Sequence[Item]

    def settled(self) -> Sequence[Item] | None:
        """What becomes of it; None if both sides changed it, each in its own way."""
        if self.theirs in (self.ours, self.base):
            return self.ours
        return self.theirs if self.ours == self.base else None


def merged(base: Sequence[Item], ours: Sequence[Item], theirs: Sequence[Item]) -> list[Item] | None:
    """The merged list; None if both sides changed the same stretch, or the same item is moved and removed."""
    parts = [stretch.settled() for stretch in stretches(base, ours, theirs)]
    result: list[Item] = []
    for part in parts:
        if part is None:
            return None
        result += part
    counts = [Counter(each) for each in (base, ours, theirs, result)]
    whole = all(_agreed(*(count[item] for count in counts)) for item in set().union(*counts))
    return result if whole else None


def stretches(base: Sequence[Item], ours: Sequence[Item], theirs: Sequence[Item]) -> Iterator[Stretch[Item]]:
    """The lists cut at every item that all three have in the same order, such an item being a stretch of its own."""
    mine, yours = dict(common(base, ours)), dict(common(base, theirs))
    at = (0, 0, 0)
    for index in range(len(base)):
        if index in mine and index in yours:
            to = (index, mine[index], yours[index])
            if to != at:
                yield Stretch(base[at[0] : to[0]], ours[at[1] : to[1]], theirs[at[2] : to[2]])
            item = base[index : index + 1]
            yield Stretch(item, item, item)
            at = (to[0] + 1, to[1] + 1, to[2] + 1)
    if at != (len(base), len(ours), len(theirs)):
        yield Stretch(base[at[0] :], ours[at[1] :], theirs[at[2] :])


def common(left: Sequence[Item], right: Sequence[Item]) -> list[tuple[int, int]]:
    """Index pairs of a longest common subsequence, an item's nth occurrence standing for itself only. O(n log n)."""
    places = {item: at for at, item in enumerate(_numbered(right))}
    pairs = [(at, places[item]) for at, item in enumerate(_numbered(left)) if item in places]
    ends: list[int] = []  # by length of a rising run: the smallest end, and the pair that it ends with
    last: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [index]
    run: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        run.append(pairs[index])
        index = before[index]
    return run[::-1]


def _numbered(items: Sequence[Item]) -> Iterator[tuple[Item, int]]:
    seen: Counter[Item] = Counter()
    for item in items:
        yield item, seen[item]
        seen[item] += 1


def _agreed(base: int, ours: int, theirs: int, result: int) -> bool:
    """Whether the merge has the item as often as a merge of the numbers says."""
    if theirs in (ours, base):
        return result == ours
    return ours == base and result == theirs
