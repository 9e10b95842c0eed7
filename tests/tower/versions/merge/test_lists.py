"""Lists are merged as diff3 merges lines."""

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
        ("abc", "abXc", "Yabc", "YabXc"),  # Both inserted, in different places.
        ("abc", "ac", "abcd", "acd"),  # One removed, one appended.
        ("abcd", "bacd", "abdc", None),  # Two adjacent replacements.
        ("abcde", "bacde", "abced", "baced"),  # Two replacements with an item between them.
        ("ab", "abX", "abY", None),  # Both appended.
        ("ab", "abX", "abX", "abX"),  # Both made the same change.
        ("abc", "cab", "ab", None),  # One moved an item that the other removed.
        ("abcde", "eabcd", "abecd", None),  # Both moved it.
    ],
)
def test_lists_are_merged_in_stretches(base: str, ours: str, theirs: str, result: str | None) -> None:
    for pair in ((ours, theirs), (theirs, ours)):
        merged = merge_lists(base, *pair)
        assert (None if merged is None else "".join(merged)) == result


@example_count(40)
@given(lists, lists, lists)
def test_a_merged_list_has_each_item_as_often_as_a_three_way_count(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    merged = merge_lists(base, ours, theirs)
    if merged is None:
        return
    counts = [Counter(each) for each in (base, ours, theirs, merged)]
    for item in "abcdef":
        before, ours_count, theirs_count, after = (count[item] for count in counts)
        assert after == (theirs_count if ours_count == before else ours_count)


@example_count(40)
@given(lists, lists, lists)
def test_all_stretches_together_are_the_lists(base: list[str], ours: list[str], theirs: list[str]) -> None:
    parts = list(split_hunks(base, ours, theirs))
    assert [item for part in parts for item in part.base] == base
    assert [item for part in parts for item in part.ours] == ours
    assert [item for part in parts for item in part.theirs] == theirs


@example_count(40)
@given(lists, lists)
def test_common_items_are_in_order_on_both_sides(left: list[str], right: list[str]) -> None:
    pairs = common_subsequence(left, right)
    assert all(left[left_index] == right[right_index] for left_index, right_index in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))


def test_a_long_list_merges_quickly() -> None:
    base = list(range(20_000))
    ours, theirs = [*base[10_000:], *base[:10_000]], [number for number in base if number % 7]
    assert merge_lists(base, ours, base) == ours
    assert merge_lists(base, base, theirs) == theirs
