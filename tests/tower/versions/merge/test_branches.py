"""Branches are merged field by field. A field changed on both sides is a conflict, and a conflict changes nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.scenes import Scene
from tests.tower.versions.story import VersionedStory
from tower.errors import InvalidError
from tower.versions.kinds import BIBLE_KEY, Kind
from tower.versions.merge.branches import Strategy


def test_changes_of_different_fields_objects_and_set_items_merge(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, visual_traits={"hair": "white", "eyes": "blue"}, abilities=["run", "jump"])
    story.put(Kind.CHARACTERS, "dark", key=kai, visual_traits={"hair": "black", "eyes": "red"}, abilities=["fly"])
    result = story.merge("dark")
    merged = story.entities_at("main", Kind.CHARACTERS)[kai]
    assert merged["visual_traits"] == {"hair": "white", "eyes": "red"}
    assert merged["abilities"] == ["fly", "jump"]
    assert [field.path for field in result.changed[0].fields] == ["visual_traits/eyes", "abilities"]
    assert (result.commit.merged_id is None, result.fast_forward) == (False, False)
    assert story.check_integrity() == []


def test_a_field_changed_differently_on_both_sides_is_a_conflict(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, visual_traits={"hair": "white", "eyes": "blue"})
    story.put(Kind.CHARACTERS, "dark", key=kai, visual_traits={"hair": "red", "eyes": "blue"}, seed=7)
    assert story.require_conflicts("dark") == {"characters/Kai/visual_traits/hair": ("black", "white", "red")}
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["seed"] is None


@pytest.mark.parametrize(
    ("options", "hair"),
    [
        ({"strategy": Strategy.OURS}, "white"),
        ({"strategy": Strategy.THEIRS}, "red"),
        ({"resolutions": {"characters/Kai/visual_traits/hair": "silver"}}, "silver"),
        ({"resolutions": {"characters/Kai": "theirs"}}, "red"),
        ({"resolutions": {"characters/{key}/visual_traits": "ours"}, "strategy": Strategy.THEIRS}, "white"),
    ],
)
def test_resolutions_settle_a_conflict(
    story: VersionedStory, kai: uuid.UUID, options: dict[str, Any], hair: str
) -> None:
    story.put(Kind.CHARACTERS, key=kai, visual_traits={"hair": "white", "eyes": "blue"})
    story.put(Kind.CHARACTERS, "dark", key=kai, visual_traits={"hair": "red", "eyes": "blue"}, seed=7)
    if "resolutions" in options:
        options["resolutions"] = {path.format(key=kai): answer for path, answer in options["resolutions"].items()}
    story.merge("dark", **options)
    merged = story.entities_at("main", Kind.CHARACTERS)[kai]
    assert (merged["visual_traits"]["hair"], merged["seed"]) == (hair, 7)
    assert story.check_integrity() == []


def test_an_invalid_or_unneeded_resolution_is_refused(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, seed=1)
    story.put(Kind.CHARACTERS, "dark", key=kai, seed=2)
    for resolutions in (
        {"characters/Kai/name": "Rin", "characters/Kai/seed": 3},
        {"characters/Kai/seed": "a lot"},
        {"characters/Kai/seed": {"value": 3}},
    ):
        with pytest.raises(InvalidError):
            story.merge("dark", resolutions=resolutions)
    assert story.merge("dark", resolutions={"characters/Kai/seed": 3}).changed[0].fields[0].after == 3


@pytest.mark.parametrize("answer", [7, str(uuid.UUID(int=7)), [], "theirs"])
def test_a_reference_in_a_resolution_must_exist(story: VersionedStory, answer: Any) -> None:
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn")
    story.create_branch("dark")
    for number, branch in enumerate(("main", "dark"), 1):
        episode = story.put(Kind.EPISODES, branch, episode_number=number, title=branch)
        story.put(Kind.SCENES, branch, key=scene, episode_key=episode)
    if answer == "theirs":
        story.merge("dark", resolutions={"scenes/1/episode_key": answer})
    else:
        with pytest.raises(InvalidError):
            story.merge("dark", resolutions={"scenes/1/episode_key": answer})
    assert story.check_integrity() == []


def test_deleting_an_edited_entity_is_a_conflict(story: VersionedStory, kai: uuid.UUID) -> None:
    story.delete(Kind.CHARACTERS, kai)
    story.put(Kind.CHARACTERS, "dark", key=kai, seed=2)
    conflicts = story.require_conflicts("dark")
    assert conflicts.keys() == {"characters/Kai"}
    assert (conflicts["characters/Kai"][1], conflicts["characters/Kai"][2]["seed"]) == (None, 2)
    story.merge("dark", resolutions={"characters/Kai": "theirs"})
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["seed"] == 2
    assert story.check_integrity() == []


def test_deleting_an_unchanged_entity_is_merged(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, name="Rin")
    story.delete(Kind.CHARACTERS, kai, "dark")
    story.merge("dark")
    assert [fields["name"] for fields in story.entities_at("main", Kind.CHARACTERS).values()] == ["Rin"]
    assert story.check_integrity() == []


def test_deleting_an_entity_with_a_new_reference_is_a_conflict(story: VersionedStory) -> None:
    episode = story.put(Kind.EPISODES, episode_number=1, title="One")
    story.create_branch("dark")
    story.delete(Kind.EPISODES, episode)
    scene = story.put(Kind.SCENES, "dark", scene_number=1, description="Dawn", episode_key=episode)
    assert story.require_conflicts("dark").keys() == {"episodes/1"}
    story.create_branch("kept")
    story.merge("dark", "kept", strategy=Strategy.THEIRS)
    assert story.entities_at("kept", Kind.SCENES)[scene]["episode_key"] == str(episode)
    story.merge("dark", resolutions={"episodes/1": "ours"})
    assert story.entities_at("main", Kind.SCENES)[scene]["episode_key"] is None
    assert story.check_integrity() == []


def test_a_new_reference_to_a_deleted_entity_is_a_conflict_too(story: VersionedStory, kai: uuid.UUID) -> None:
    cast = [{"name": "Kai", "key": str(kai)}]
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn", characters=cast)
    story.delete(Kind.CHARACTERS, kai, "dark")
    assert story.require_conflicts("dark").keys() == {"characters/Kai"}
    story.merge("dark", strategy=Strategy.THEIRS)
    assert story.entities_at("main", Kind.SCENES)[scene]["characters"] == [{"name": "Kai", "key": None}]
    assert story.check_integrity() == []


def test_a_deleted_bible_with_an_edited_character_names_both(story: VersionedStory) -> None:
    story.put(Kind.BIBLE, title="Bible", description="All of it")
    person = story.put(Kind.BIBLE_CHARACTERS, bible_key=BIBLE_KEY, name="Kai", description="A detective")
    story.create_branch("dark")
    story.delete(Kind.BIBLE, BIBLE_KEY)
    story.put(Kind.BIBLE_CHARACTERS, "dark", key=person, role="hero")
    assert story.require_conflicts("dark").keys() == {"bible/Bible", "bible_characters/Kai"}
    story.merge("dark", strategy=Strategy.THEIRS)
    assert story.entities_at("main", Kind.BIBLE_CHARACTERS)[person]["role"] == "hero"
    assert story.check_integrity() == []


def test_a_bible_created_on_both_sides_is_one_bible(story: VersionedStory) -> None:
    story.commit()
    story.create_branch("dark")
    story.put(Kind.BIBLE, title="Bible", description="All of it", visual_style={"theme": "noir"})
    story.put(Kind.BIBLE, "dark", title="Bible", description="All of it", world_setting={"era": "2077"})
    story.merge("dark")
    bible = story.entities_at("main", Kind.BIBLE)[BIBLE_KEY]
    assert (bible["visual_style"], bible["world_setting"]) == ({"theme": "noir"}, {"era": "2077"})
    assert story.check_integrity() == []


def test_a_dry_run_reports_the_result_and_changes_nothing(story: VersionedStory, kai: uuid.UUID) -> None:
    story.put(Kind.CHARACTERS, key=kai, seed=1)
    story.put(Kind.CHARACTERS, "dark", key=kai, role="hero")
    head = story.commit()
    preview = story.merge("dark", dry_run=True)
    assert ([field.path for field in preview.changed[0].fields], preview.commit) == (["role"], head)
    story.put(Kind.CHARACTERS, "dark", key=kai, seed=2)
    assert [conflict.path for conflict in story.merge("dark", dry_run=True).conflicts] == ["characters/Kai/seed"]
    assert story.commit() == head


def test_a_new_scene_is_merged_with_its_take(story: VersionedStory, session: Session) -> None:
    story.put(Kind.CHARACTERS, name="Kai")
    story.create_branch("dark")
    scene = story.put(Kind.SCENES, "dark", scene_number=1, description="Dawn")
    row = story.find_row(Kind.SCENES, scene, "dark")
    assert isinstance(row, Scene)
    row.video_path, row.accepted_fingerprint = "/renders/take.mp4", "f" * 64
    session.flush()
    story.put(Kind.CHARACTERS, name="Rin")
    story.merge("dark")
    merged = story.find_row(Kind.SCENES, scene)
    assert isinstance(merged, Scene)
    assert (merged.video_path, merged.accepted_fingerprint) == ("/renders/take.mp4", "f" * 64)
    assert story.check_integrity() == []
