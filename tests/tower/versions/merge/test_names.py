"""Names that both sides gave."""

from __future__ import annotations

import uuid

import pytest

from tests.tower.versions.story import VersionedStory
from tower.errors import InvalidError
from tower.versions.kinds import Kind
from tower.versions.merge.branches import Strategy


def test_two_new_things_of_one_name_are_a_conflict(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    ours = story.put(Kind.CHARACTERS, name="Mei", seed=1)
    theirs = story.put(Kind.CHARACTERS, "dark", name="mei", seed=2)
    cast = [{"name": "Mei", "key": str(theirs)}]
    scene = story.put(Kind.SCENES, "dark", scene_number=1, description="Dawn", characters=cast)
    assert story.require_conflicts("dark").keys() == {"characters/Mei"}
    for name, how, left in (
        ("a", {"strategy": Strategy.OURS}, {ours}),
        ("b", {"resolutions": {"characters/Mei": "theirs"}}, {theirs}),
        ("c", {"resolutions": {f"characters/{theirs}/name": "Mei the Second"}}, {ours, theirs}),
    ):
        story.create_branch(name)
        story.merge("dark", name, **how)
        assert story.entities_at(name, Kind.CHARACTERS).keys() == left
        shown = story.entities_at(name, Kind.SCENES)[scene]["characters"][0]["key"]
        assert uuid.UUID(shown) == (ours if name == "a" else theirs)
    assert story.check_integrity() == []


def test_two_new_things_that_are_the_same_become_one(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    ours = story.put(Kind.CHARACTERS, name="Mei", seed=1)
    theirs = story.put(Kind.CHARACTERS, "dark", name="Mei", seed=1)
    story.put(Kind.SCENES, "dark", scene_number=1, description="", characters=[{"name": "Mei", "key": str(theirs)}])
    story.merge("dark")
    assert story.entities_at("main", Kind.CHARACTERS).keys() == {ours}
    assert [scene["characters"][0]["key"] for scene in story.entities_at("main", Kind.SCENES).values()] == [str(ours)]
    assert story.check_integrity() == []


def test_a_name_that_both_gave_goes_back_on_the_side_that_loses(story: VersionedStory, kai: uuid.UUID) -> None:
    rin = story.put(Kind.CHARACTERS, name="Rin")
    story.create_branch("later")
    story.put(Kind.CHARACTERS, key=kai, name="Ace")
    story.put(Kind.CHARACTERS, "later", key=rin, name="ace", seed=4)
    story.merge("later", strategy=Strategy.OURS)
    people = story.entities_at("main", Kind.CHARACTERS)
    assert (people[kai]["name"], people[rin]["name"], people[rin]["seed"]) == ("Ace", "Rin", 4)
    assert story.check_integrity() == []


def test_a_name_that_cannot_go_back_gets_a_number(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, name="Ace")
    other = story.put(Kind.CHARACTERS, name="Kai")
    theirs = story.put(Kind.CHARACTERS, "dark", name="Ace")
    story.put(Kind.CHARACTERS, "dark", name="Zoe")
    story.merge("dark", strategy=Strategy.THEIRS)
    people = {key: fields["name"] for key, fields in story.entities_at("main", Kind.CHARACTERS).items()}
    assert (people[kai], people[other], people[theirs]) == ("Kai (2)", "Kai", "Ace")
    assert story.check_integrity() == []


def test_a_name_that_somebody_has_is_no_answer(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, name="Rin")
    story.create_branch("later")
    theirs = story.put(Kind.CHARACTERS, "later", name="Mei")
    story.put(Kind.CHARACTERS, "later", key=kai, name="Aki")
    story.put(Kind.CHARACTERS, name="Mei")
    story.put(Kind.CHARACTERS, key=kai, name="Sora")
    for taken in ({f"characters/{theirs}/name": "RIN"}, {"characters/Sora/name": "Rin"}):
        with pytest.raises(InvalidError, match="a name that is not taken"):
            story.merge("later", resolutions=taken, strategy=Strategy.OURS)
    assert story.check_integrity() == []
