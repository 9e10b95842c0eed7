"""Names that both sides used."""

from __future__ import annotations

import uuid

import pytest

from db.models.characters import Character
from db.models.versions import Branch
from tests.tower.versions.story import VersionedStory
from tower.errors import ConflictError, InvalidError
from tower.versions.kinds import Kind
from tower.versions.merge.branches import Strategy


def test_two_new_entities_with_one_name_are_a_conflict(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    our_key = story.put(Kind.CHARACTERS, name="Mei", seed=1)
    their_key = story.put(Kind.CHARACTERS, "dark", name="mei", seed=2)
    cast = [{"name": "Mei", "key": str(their_key)}]
    scene = story.put(Kind.SCENES, "dark", scene_number=1, description="Dawn", characters=cast)
    assert story.require_conflicts("dark").keys() == {"characters/Mei"}
    for name, options, expected_keys in (
        ("a", {"strategy": Strategy.OURS}, {our_key}),
        ("b", {"resolutions": {"characters/Mei": "theirs"}}, {their_key}),
        ("c", {"resolutions": {f"characters/{their_key}/name": "Mei the Second"}}, {our_key, their_key}),
    ):
        story.create_branch(name)
        story.merge("dark", name, **options)
        assert story.entities_at(name, Kind.CHARACTERS).keys() == expected_keys
        cast_key = story.entities_at(name, Kind.SCENES)[scene]["characters"][0]["key"]
        assert uuid.UUID(cast_key) == (our_key if name == "a" else their_key)
    assert story.check_integrity() == []


def test_two_equal_new_entities_become_one(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    our_key = story.put(Kind.CHARACTERS, name="Mei", seed=1)
    their_key = story.put(Kind.CHARACTERS, "dark", name="Mei", seed=1)
    story.put(Kind.SCENES, "dark", scene_number=1, description="", characters=[{"name": "Mei", "key": str(their_key)}])
    story.merge("dark")
    assert story.entities_at("main", Kind.CHARACTERS).keys() == {our_key}
    assert [scene["characters"][0]["key"] for scene in story.entities_at("main", Kind.SCENES).values()] == [
        str(our_key)
    ]
    assert story.check_integrity() == []


def test_the_losing_side_gets_its_old_name_back(story: VersionedStory, kai: uuid.UUID) -> None:
    rin = story.put(Kind.CHARACTERS, name="Rin")
    story.create_branch("later")
    story.put(Kind.CHARACTERS, key=kai, name="Ace")
    story.put(Kind.CHARACTERS, "later", key=rin, name="ace", seed=4)
    story.merge("later", strategy=Strategy.OURS)
    people = story.entities_at("main", Kind.CHARACTERS)
    assert (people[kai]["name"], people[rin]["name"], people[rin]["seed"]) == ("Ace", "Rin", 4)
    assert story.check_integrity() == []


def test_a_name_that_cannot_be_restored_gets_a_number(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, name="Ace")
    other = story.put(Kind.CHARACTERS, name="Kai")
    their_key = story.put(Kind.CHARACTERS, "dark", name="Ace")
    story.put(Kind.CHARACTERS, "dark", name="Zoe")
    story.merge("dark", strategy=Strategy.THEIRS)
    people = {key: fields["name"] for key, fields in story.entities_at("main", Kind.CHARACTERS).items()}
    assert (people[kai], people[other], people[their_key]) == ("Kai (2)", "Kai", "Ace")
    assert story.check_integrity() == []


def test_a_resolution_must_not_use_an_existing_name(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, name="Rin")
    story.create_branch("later")
    their_key = story.put(Kind.CHARACTERS, "later", name="Mei")
    story.put(Kind.CHARACTERS, "later", key=kai, name="Aki")
    story.put(Kind.CHARACTERS, name="Mei")
    story.put(Kind.CHARACTERS, key=kai, name="Sora")
    for resolutions in ({f"characters/{their_key}/name": "RIN"}, {"characters/Sora/name": "Rin"}):
        with pytest.raises(InvalidError, match="a name that is not taken"):
            story.merge("later", resolutions=resolutions, strategy=Strategy.OURS)
    assert story.check_integrity() == []


def test_two_spellings_of_one_name_are_a_conflict(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    story.put(Kind.CHARACTERS, name="Éva", seed=1)
    story.put(Kind.CHARACTERS, "dark", name="E\u0301VA", seed=2)
    assert story.require_conflicts("dark").keys() == {"characters/Éva"}
    story.merge("dark", strategy=Strategy.THEIRS)
    assert [person["seed"] for person in story.entities_at("main", Kind.CHARACTERS).values()] == [2]


def test_rows_that_shared_a_name_before_stay_and_merge(story: VersionedStory) -> None:
    branch = Branch(project_id=story.project_id, name="main")
    story.session.add(branch)
    story.session.flush()
    owner = {"project_id": story.project_id, "branch_id": branch.id}
    composed, decomposed = (Character(**owner, name=name) for name in ("Éva", "E\u0301va"))
    story.session.add_all((composed, decomposed))
    story.session.flush()
    story.commit()
    story.create_branch("dark")
    story.create_branch("past", story.commit().hash)
    story.put(Kind.CHARACTERS, key=composed.key, seed=1)
    story.put(Kind.CHARACTERS, "dark", key=decomposed.key, seed=2)
    story.merge("dark")
    assert {person["seed"] for person in story.entities_at("main", Kind.CHARACTERS).values()} == {1, 2}
    with pytest.raises(ConflictError, match="already has the character"):
        story.put(Kind.CHARACTERS, name="ÉVA")
    story.put(Kind.CHARACTERS, key=decomposed.key, name="Eva II")
    assert story.check_integrity() == []
