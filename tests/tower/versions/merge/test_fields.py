"""Properties of the merge of one entity's fields, on generated characters and scenes."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.hypothesis_profiles import example_count
from tower.versions.fields import complete_new_fields
from tower.versions.kinds import KIND_SPECS, Fields, Kind
from tower.versions.merge.fields import MISSING, FieldPath, merge_fields
from tower.versions.values import are_equal, encode_canonical

words = st.sampled_from(["", "red", "blue", "赤", "a/b"])
numbers = st.sampled_from([0, 1, 2.5, True, False])
inner = st.recursive(
    words | numbers | st.none(),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.sampled_from("abc"), deeper, max_size=3),
    max_leaves=6,
)
characters = st.fixed_dictionaries(
    {"name": st.sampled_from(["Kai", "Rin", "Mei"])},
    optional={
        "description": words,
        "seed": st.none() | st.integers(0, 3),
        "visual_traits": st.dictionaries(st.sampled_from(["hair", "eyes", "coat"]), inner, max_size=3),
        "abilities": st.lists(words | st.fixed_dictionaries({"name": words, "power": numbers}), max_size=4),
        "evolution_arc": st.lists(words, max_size=5),
    },
).map(lambda fields: complete_new_fields(Kind.CHARACTERS, fields, "characters"))


def merged(base: Fields, ours: Fields, theirs: Fields) -> tuple[Fields, set[FieldPath]]:
    """Return the merged fields with a marker at each conflict, and the paths of the conflicts."""
    clashes: set[FieldPath] = set()

    def record_conflict(path: FieldPath, *_: Any) -> Any:
        clashes.add(path)
        return "disputed"

    return merge_fields(Kind.CHARACTERS, base, ours, theirs, decide=record_conflict), clashes


@example_count(40)
@given(characters, characters)
def test_a_side_without_changes_takes_the_other(base: Fields, changed: Fields) -> None:
    assert merged(base, changed, base) == (changed, set())
    assert merged(base, base, changed) == (changed, set())


@example_count(40)
@given(characters, characters)
def test_equal_changes_on_both_sides_are_no_conflict(base: Fields, changed: Fields) -> None:
    assert merged(base, changed, changed) == (changed, set())


@example_count(40)
@given(characters, characters, characters)
def test_swapping_the_sides_gives_the_same_merge(base: Fields, left: Fields, right: Fields) -> None:
    assert merged(base, left, right) == merged(base, right, left)


def kai(**traits: Any) -> Fields:
    return complete_new_fields(Kind.CHARACTERS, {"name": "Kai", "visual_traits": traits}, "characters")


@example_count(40)
@given(characters, characters, characters)
@example(kai(), kai(hair={"a": "red"}), kai(hair={"a": "blue"}))
@example(kai(hair="red"), kai(hair={"a": "red", "b": 1}), kai(hair={"a": "red", "b": 2}))
def test_no_edit_is_lost_silently(base: Fields, left: Fields, right: Fields) -> None:
    """Each leaf that a side changed is in the result or in a conflict. The next test and test_lists.py cover lists."""
    result, clashes = merged(base, left, right)
    for side in (left, right):
        for path in changed_leaves(base, side):
            clashed = any(path[: len(clash)] == clash for clash in clashes)
            value, result_value = value_at(side, path), value_at(result, path)
            # One side created it empty, and the other filled it.
            grown = type(value) is type(result_value) and value in ([], {})
            assert clashed or grown or isinstance(value, list) or are_equal(result_value, value)


@example_count(40)
@given(characters, characters, characters)
def test_every_item_of_a_set_is_kept_unless_a_side_removed_it(base: Fields, left: Fields, right: Fields) -> None:
    result, clashes = merged(base, left, right)
    if ("abilities",) in clashes:
        return
    before, ours, theirs, after = (
        [encode_canonical(item) for item in each["abilities"]] for each in (base, left, right, result)
    )
    for item in {*ours, *theirs}:
        removed = item in before and (item not in ours or item not in theirs)
        assert (item in after) != removed


@example_count(40)
@given(st.data())
def test_disjoint_edits_commute_and_are_both_applied(data: st.DataObject) -> None:
    base, edits = data.draw(characters), data.draw(characters)
    names = data.draw(st.sets(st.sampled_from(KIND_SPECS[Kind.CHARACTERS].content_fields)))
    left = {name: edits[name] if name in names else value for name, value in base.items()}
    right = {name: value if name in names else edits[name] for name, value in base.items()}
    assert merged(base, left, right) == (edits, set())
    assert merged(base, right, left) == (edits, set())


def changed_leaves(base: Any, side: Any, path: FieldPath = ()) -> list[FieldPath]:
    if isinstance(side, dict) and side and not isinstance(base, dict):
        base = {}  # Everything in it is new.
    if isinstance(base, dict) and isinstance(side, dict):
        names = base.keys() | side.keys()
        return [
            leaf
            for name in names
            for leaf in changed_leaves(base.get(name, MISSING), side.get(name, MISSING), (*path, name))
        ]
    unchanged = base is side or (MISSING not in (base, side) and are_equal(base, side))
    return [] if unchanged else [path]


def value_at(fields: Any, path: FieldPath) -> Any:
    for name in path:
        fields = fields.get(name, MISSING) if isinstance(fields, dict) else MISSING
    return fields
