"""Branches and tags."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.scenes import Scene
from db.models.story import StoryTimeline
from db.models.versions import Branch
from tests.tower.versions.story import VersionedStory
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.versions import branches, tags
from tower.versions.kinds import BIBLE_KEY, Kind


def test_a_branch_has_its_own_rows(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.create_branch("dark")
    story.put(Kind.CHARACTERS, "dark", key=kai, name="Kai the Grim")
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["name"] == "Kai"
    assert story.entities_at("dark", Kind.CHARACTERS)[kai]["name"] == "Kai the Grim"
    assert story.find_row(Kind.CHARACTERS, kai).id != story.find_row(Kind.CHARACTERS, kai, "dark").id
    assert story.check_integrity() == []


def test_a_branch_copies_takes_and_the_timeline(story: VersionedStory, session: Session) -> None:
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn")
    row = story.find_row(Kind.SCENES, scene)
    assert isinstance(row, Scene)
    row.video_path, row.accepted_fingerprint = "/renders/take.mp4", "f" * 64
    owner = {"project_id": story.project_id, "branch_id": row.branch_id}
    session.add(StoryTimeline(**owner, position=1, title="It begins", scene_key=scene))
    session.flush()
    story.create_branch("dark")
    copied = story.find_row(Kind.SCENES, scene, "dark")
    assert isinstance(copied, Scene)
    assert (copied.video_path, copied.accepted_fingerprint) == ("/renders/take.mp4", "f" * 64)
    events = session.scalars(select(StoryTimeline).where(StoryTimeline.branch_id == copied.branch_id)).all()
    assert [event.scene_key for event in events] == [scene]
    assert story.check_integrity() == []


def test_a_branch_from_a_tag_or_a_commit_has_its_past_state(story: VersionedStory) -> None:
    story.put(Kind.BIBLE, title="Bible", description="All of it")
    story.put(Kind.BIBLE_CHARACTERS, bible_key=BIBLE_KEY, name="Kai", description="A detective")
    episode = story.put(Kind.EPISODES, episode_number=1, title="One")
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn", episode_key=episode)
    then = story.commit()
    tags.create(story.session, story.project_id, "v1", "main", author="tests")
    story.put(Kind.SCENES, key=scene, description="Dusk")
    for name, source in (("from-tag", "v1"), ("from-hash", then.hash[:10])):
        story.create_branch(name, source)
        assert story.entities_at(name, Kind.SCENES)[scene]["description"] == "Dawn"
    assert story.check_integrity() == []


def test_deleting_a_branch_removes_its_rows_and_keeps_its_commits(story: VersionedStory, session: Session) -> None:
    story.commit()
    story.create_branch("dark")
    kai = story.put(Kind.CHARACTERS, "dark", name="Kai")
    head = story.commit(branch="dark")
    branches.delete(session, story.project_id, "dark")
    assert [branch.name for branch, _ in branches.list_all(session, story.project_id)] == ["main"]
    story.create_branch("again", head.hash)
    assert story.entities_at("again", Kind.CHARACTERS).keys() == {kai}
    assert story.check_integrity() == []


def test_main_cannot_be_deleted(story: VersionedStory, session: Session) -> None:
    story.commit()
    with pytest.raises(ConflictError):
        branches.delete(session, story.project_id, "main")
    with pytest.raises(NotFoundError):
        branches.delete(session, story.project_id, "other")


def test_branches_and_tags_have_unique_names(story: VersionedStory, session: Session) -> None:
    story.create_branch("dark")
    tags.create(session, story.project_id, "v1", "main", author="tests")
    for name in ("dark", "main", "v1"):
        with pytest.raises(ConflictError, match="already"):
            story.create_branch(name)
        with pytest.raises(ConflictError, match="already"):
            tags.create(session, story.project_id, name, "main", author="tests")


@pytest.mark.parametrize("name", ["", " ", "da\nrk", "a" * 201, "0" * 64, "nu\0l"])
def test_invalid_names_are_refused(story: VersionedStory, name: str) -> None:
    with pytest.raises(InvalidError):
        story.create_branch(name)


def test_branches_are_listed_per_project_with_main_first(story: VersionedStory, session: Session) -> None:
    for name in ("zoo", "alt"):
        story.create_branch(name)
    assert [branch.name for branch, _ in branches.list_all(session, story.project_id)] == ["main", "alt", "zoo"]
    assert session.scalars(select(Branch.project_id).distinct()).all() == [story.project_id]


def test_a_missing_source_is_not_found(story: VersionedStory) -> None:
    with pytest.raises(NotFoundError):
        story.create_branch("dark", "nowhere")
    with pytest.raises(NotFoundError):
        story.create_branch("dark", uuid.uuid4().hex)


def test_tags_are_listed_and_deleted(story: VersionedStory, session: Session) -> None:
    tags.create(session, story.project_id, "v2", "main", author="tests", message="second")
    tags.create(session, story.project_id, "v1", "v2", author="tests")
    assert [tag.name for tag in tags.list_all(session, story.project_id)] == ["v1", "v2"]
    tags.delete(session, story.project_id, "v1")
    with pytest.raises(NotFoundError):
        tags.delete(session, story.project_id, "v1")
