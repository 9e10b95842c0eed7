"""Scenes: their numbers and order, copies, and the names of their cast."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.scenes import Scene
from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import ConflictError, InvalidError
from tower.story import entities, scenes
from tower.story.entities import CommitNote
from tower.versions import history
from tower.versions.kinds import Kind

ME = CommitNote("tests")


@pytest.fixture
def story(session: Session) -> VersionedStory:
    return create_story(session)


def scene(story: VersionedStory, number: int, branch: str = "main", **fields: Any) -> uuid.UUID:
    return story.put(Kind.SCENES, branch, scene_number=number, description=f"scene {number}", **fields)


def order(story: VersionedStory) -> list[str]:
    all_fields = story.entities_at("main", Kind.SCENES).values()
    return [
        scene_fields["description"]
        for scene_fields in sorted(all_fields, key=lambda scene_fields: int(scene_fields["scene_number"]))
    ]


def row_id(story: VersionedStory, key: uuid.UUID) -> int:
    return story.find_row(Kind.SCENES, key).id


def test_the_next_number_follows_the_last_one_of_the_branch(story: VersionedStory) -> None:
    def following(branch: str) -> int:
        return scenes.next_scene_number(story.session, entities.lock_branch(story.session, story.project_id, branch))

    assert following("main") == 1
    scene(story, 7)
    story.create_branch("dark")
    scene(story, 9, "dark")
    assert (following("main"), following("dark")) == (8, 10)


def test_a_new_order_is_one_commit_that_changes_only_moved_scenes(story: VersionedStory) -> None:
    ids = [row_id(story, scene(story, number)) for number in (1, 2, 3, 4)]
    head_before = history.resolve_ref(story.session, story.project_id, "main")
    new_order = [ids[0], ids[3], ids[1], ids[2]]
    scenes.reorder_scenes(story.session, new_order, project_id=story.project_id, branch="main", note=ME)
    assert order(story) == ["scene 1", "scene 4", "scene 2", "scene 3"]
    head_after = history.resolve_ref(story.session, story.project_id, "main")
    assert head_after.parent_id == head_before.id
    assert len(history.diff_refs(story.session, story.project_id, head_before.hash, head_after.hash)) == 3
    assert story.check_integrity() == []


@pytest.mark.parametrize("wrong", ["too few", "one twice", "a stranger"])
def test_an_order_must_name_each_scene_once(story: VersionedStory, wrong: str) -> None:
    ids = [row_id(story, scene(story, number)) for number in (1, 2)]
    scene_ids = {"too few": ids[:1], "one twice": [ids[0], ids[0]], "a stranger": [*ids, 2**40]}[wrong]
    with pytest.raises(InvalidError, match="all 2 scenes"):
        scenes.reorder_scenes(story.session, scene_ids, project_id=story.project_id, branch="main", note=ME)
    assert order(story) == ["scene 1", "scene 2"]


def test_a_copy_has_everything_except_the_video_and_goes_to_the_end_or_a_free_number(story: VersionedStory) -> None:
    key = scene(story, 3, mood="tense", video_path="/media/own.mp4")
    scene_entity = entities.find_entity(story.session, Scene, row_id(story, key))
    last = scenes.duplicate_scene(story.session, scene_entity, number=None, note=ME)
    first = scenes.duplicate_scene(story.session, scene_entity, number=1, note=ME)
    assert (last.row.scene_number, first.row.scene_number) == (4, 1)
    assert (last.row.mood, last.row.video_path) == ("tense", None)
    assert last.row.key != key
    with pytest.raises(ConflictError, match="'3'"):
        scenes.duplicate_scene(story.session, scene_entity, number=3, note=ME)


def test_the_cast_is_listed_by_current_names_and_unknown_names_as_written(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    key = scene(story, 1, characters=[{"name": "Kai", "key": str(kai)}, {"name": "A stranger", "key": None}])
    story.put(Kind.CHARACTERS, key=kai, name="Kai Nakamura")
    fields = story.entities_at("main", Kind.SCENES)[key]
    branch_id = story.find_row(Kind.SCENES, key).branch_id
    assert branch_id is not None
    names = scenes.character_names(story.session, [fields], branch_id=branch_id)
    assert scenes.cast_names(fields, names) == ["Kai Nakamura", "A stranger"]
    assert scenes.character_names(story.session, [], branch_id=branch_id) == {}


def test_an_unknown_style_is_refused(story: VersionedStory) -> None:
    scenes.check_style(story.session, None, project_id=story.project_id)
    scenes.check_style(story.session, "Cinematic", project_id=story.project_id)
    with pytest.raises(InvalidError):
        scenes.check_style(story.session, "cubist", project_id=story.project_id)
