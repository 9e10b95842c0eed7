"""The common ancestor of two branches in a merge."""

from __future__ import annotations

import uuid

from tests.tower.versions.story import VersionedStory
from tower.versions.kinds import Kind
from tower.versions.merge.branches import Strategy


def test_a_target_without_its_own_edits_is_fast_forwarded(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, "dark", key=kai, seed=2)
    tip = story.commit(branch="dark")
    result = story.merge("dark")
    assert (result.fast_forward, result.commit, len(result.changed)) == (True, tip, 1)
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["seed"] == 2
    second_merge = story.merge("dark")
    assert (second_merge.up_to_date, second_merge.commit, second_merge.changed) == (True, tip, ())
    assert story.check_integrity() == []


def test_the_base_of_a_second_merge_is_the_first_merge(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, "dark", key=kai, seed=1)
    story.put(Kind.CHARACTERS, key=kai, role="hero")
    story.merge("dark")
    story.put(Kind.CHARACTERS, key=kai, seed=2)
    story.put(Kind.CHARACTERS, "dark", key=kai, backstory="Raised by the shrine")
    story.merge("dark")
    merged = story.entities_at("main", Kind.CHARACTERS)[kai]
    assert (merged["seed"], merged["role"], merged["backstory"]) == (2, "hero", "Raised by the shrine")


def criss_cross(story: VersionedStory, kai: uuid.UUID) -> None:
    """main and dark have each merged the other's tip. They have two best common ancestors, one with a seed and one with
    a role.
    """
    story.put(Kind.CHARACTERS, key=kai, seed=1)
    story.put(Kind.CHARACTERS, "dark", key=kai, role="villain")
    story.create_branch("old-main")
    story.merge("dark", "main")
    story.merge("old-main", "dark")


def test_criss_cross_merges_use_a_virtual_base(story: VersionedStory, kai: uuid.UUID) -> None:
    criss_cross(story, kai)
    story.put(Kind.CHARACTERS, key=kai, seed=None)
    story.put(Kind.CHARACTERS, "dark", key=kai, role=None)
    story.merge("dark")
    merged = story.entities_at("main", Kind.CHARACTERS)[kai]
    assert (merged["seed"], merged["role"]) == (None, None)  # A single base would restore one of the two.
    assert story.check_integrity() == []


def test_a_conflict_in_the_virtual_base_stays_a_conflict(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, seed=1)
    story.put(Kind.CHARACTERS, "dark", key=kai, seed=2)
    story.create_branch("old-main")
    story.merge("dark", "main", strategy=Strategy.OURS)
    story.merge("old-main", "dark", strategy=Strategy.OURS)
    assert story.require_conflicts("dark") == {"characters/Kai/seed": (None, 1, 2)}


def test_both_orders_of_a_merge_give_the_same_state(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, abilities=["run", "b"], seed=1)
    story.put(Kind.CHARACTERS, "dark", key=kai, abilities=["run", "a"], role="hero")
    story.create_branch("left")
    story.create_branch("right", "dark")
    dark_into_left, main_into_right = story.merge("dark", "left"), story.merge("main", "right")
    assert dark_into_left.commit.tree_hash == main_into_right.commit.tree_hash
