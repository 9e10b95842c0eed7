"""Lists merged as diff3 merges lines."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import example_count
from tower.versions.merge.lists import common_subsequence, merge_lists, split_hunks

lists = st.lists(st.sampled_from("abcdef"), max_size=8)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        ("abc", "abXc", "Yabc", "YabXc"),  # both inserted, in different places
        ("abc", "ac", "abcd", "acd"),  # one removed, one appended
        ("abcd", "bacd", "abdc", None),  # two exchanges beside each other
        ("abcde", "bacde", "abced", "baced"),  # two exchanges with something between
        ("ab", "abX", "abY", None),  # both appended
        ("ab", "abX", "abX", "abX"),  # the same
        ("abc", "cab", "ab", None),  # one moved what the other removed
        ("abcde", "eabcd", "abecd", None),  # both moved it
    ],
)
def test_lists_merge_by_stretches(base: str, ours: str, theirs: str, result: str | None) -> None:
    for pair in ((ours, theirs), (theirs, ours)):
        found = merge_lists(base, *pair)
        assert (None if found is None else "".join(found)) == result


@example_count(40)
@given(lists, lists, lists)
def test_a_merged_list_has_each_item_as_often_as_the_sides_agree(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    found = merge_lists(base, ours, theirs)
    if found is None:
        return
    counts = [Counter(each) for each in (base, ours, theirs, found)]
    for item in "abcdef":
        before, mine, yours, after = (count[item] for count in counts)
        assert after == (yours if mine == before else mine)


@example_count(40)
@given(lists, lists, lists)
def test_stretches_put_together_are_the_lists(base: list[str], ours: list[str], theirs: list[str]) -> None:
    parts = list(split_hunks(base, ours, theirs))
    assert [item for part in parts for item in part.base] == base
    assert [item for part in parts for item in part.ours] == ours
    assert [item for part in parts for item in part.theirs] == theirs


@example_count(40)
@given(lists, lists)
def test_common_items_rise_on_both_sides(left: list[str], right: list[str]) -> None:
    pairs = common_subsequence(left, right)
    assert all(left[one] == right[other] for one, other in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))


def test_a_long_list_merges_in_no_time() -> None:
    base = list(range(20_000))
    ours, theirs = [*base[10_000:], *base[:10_000]], [number for number in base if number % 7]
    assert merge_lists(base, ours, base) == ours
    assert merge_lists(base, base, theirs) == theirs
