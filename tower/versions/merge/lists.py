"""Three-way merge of lists, as diff3 merges lines: changes of one side are taken, overlapping ones conflict."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True)
class Hunk(Generic[Item]):
    """A part of the list in base, ours and theirs."""

    base: Sequence[Item]
    ours: Sequence[Item]
    theirs: Sequence[Item]

    def merge(self) -> Sequence[Item] | None:
        """Return the merged part; None if the sides changed it differently."""
        if self.theirs in (self.ours, self.base):
            return self.ours
        return self.theirs if self.ours == self.base else None


def merge_lists(base: Sequence[Item], ours: Sequence[Item], theirs: Sequence[Item]) -> list[Item] | None:
    """Return the merged list; None if both sides changed the same part, or an item was moved and removed."""
    parts = [stretch.merge() for stretch in split_hunks(base, ours, theirs)]
    result: list[Item] = []
    for part in parts:
        if part is None:
            return None
        result += part
    counts = [Counter(each) for each in (base, ours, theirs, result)]
    consistent = all(_is_merged_count(*(count[item] for count in counts)) for item in set().union(*counts))
    return result if consistent else None


def split_hunks(base: Sequence[Item], ours: Sequence[Item], theirs: Sequence[Item]) -> Iterator[Hunk[Item]]:
    """Split the lists at the items that all three have in common; each such item is a part of its own."""
    mine, yours = dict(common_subsequence(base, ours)), dict(common_subsequence(base, theirs))
    at = (0, 0, 0)
    for index in range(len(base)):
        if index in mine and index in yours:
            to = (index, mine[index], yours[index])
            if to != at:
                yield Hunk(base[at[0] : to[0]], ours[at[1] : to[1]], theirs[at[2] : to[2]])
            item = base[index : index + 1]
            yield Hunk(item, item, item)
            at = (to[0] + 1, to[1] + 1, to[2] + 1)
    if at != (len(base), len(ours), len(theirs)):
        yield Hunk(base[at[0] :], ours[at[1] :], theirs[at[2] :])


def common_subsequence(left: Sequence[Item], right: Sequence[Item]) -> list[tuple[int, int]]:
    """Return the index pairs of a longest common subsequence in O(n log n). Only nth occurrences match each other."""
    places = {item: at for at, item in enumerate(_number_occurrences(right))}
    pairs = [(at, places[item]) for at, item in enumerate(_number_occurrences(left)) if item in places]
    ends: list[int] = []  # ends and last by length of a rising run: its smallest end, and the pair there
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


def _number_occurrences(items: Sequence[Item]) -> Iterator[tuple[Item, int]]:
    seen: Counter[Item] = Counter()
    for item in items:
        yield item, seen[item]
        seen[item] += 1


def _is_merged_count(base: int, ours: int, theirs: int, result: int) -> bool:
    """Whether the count of an item in the result equals the three-way merge of its counts."""
    if theirs in (ours, base):
        return result == ours
    return ours == base and result == theirs
