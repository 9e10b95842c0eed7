"""Entities are found by row id on their branch, on another branch and in the past. Every change is a commit."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.scenes import Scene
from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import ConflictError, NotFoundError
from tower.story import entities, projects
from tower.story.entities import CommitNote, LocatedRow
from tower.versions import history
from tower.versions.kinds import Kind

ME = CommitNote("tests")


@pytest.fixture
def story(session: Session) -> VersionedStory:
    return create_story(session)


@pytest.fixture
def kai(story: VersionedStory) -> LocatedRow[Character]:
    return create_character(story, {"name": "Kai", "description": "a detective"})


def create_character(story: VersionedStory, fields: dict[str, str]) -> LocatedRow[Character]:
    on = entities.lock_branch(story.session, story.project_id, "main")
    return entities.insert_entity(story.session, Character, fields, head=on, note=ME)


def messages(story: VersionedStory, ref: str = "main") -> list[str]:
    return [commit.message for commit in history.list_commits(story.session, story.project_id, ref).commits]


def test_a_new_entity_is_found_by_row_id_and_by_key(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    entity = entities.find_entity(story.session, Character, kai.row.id)
    assert (entity.project_id, entity.branch, entity.fields["name"]) == (story.project_id, "main", "Kai")
    by_key = entities.find_by_key(
        story.session, Character, kai.row.key, project_id=story.project_id, branch="main", lock=True
    )
    assert by_key.row.id == kai.row.id


def test_a_commit_message_describes_the_change_unless_one_is_given(
    story: VersionedStory, kai: LocatedRow[Character]
) -> None:
    entities.update_entity(story.session, kai, {"seed": 7, "role": "hero"}, note=ME)
    entities.update_entity(
        story.session,
        entities.find_entity(story.session, Character, kai.row.id),
        {"seed": 8},
        note=CommitNote("me", "so"),
    )
    entities.remove_entity(story.session, entities.find_entity(story.session, Character, kai.row.id), note=ME)
    assert messages(story)[:4] == [
        "Deleted character Kai",
        "so",
        "Changed character Kai: seed, role",
        "Added character Kai",
    ]


def test_an_entity_is_read_and_changed_separately_on_each_branch(
    story: VersionedStory, kai: LocatedRow[Character]
) -> None:
    session = story.session
    story.create_branch("dark")
    dark_entity = entities.find_entity(session, Character, kai.row.id, branch="dark", lock=True)
    assert (dark_entity.row.key, dark_entity.branch) == (kai.row.key, "dark")
    assert dark_entity.row.id != kai.row.id
    changed = entities.update_entity(session, dark_entity, {"description": "a thief"}, note=ME)
    assert (changed.row.id, changed.fields["description"]) == (dark_entity.row.id, "a thief")
    assert entities.find_entity(session, Character, kai.row.id).fields["description"] == "a detective"
    assert entities.find_entity(session, Character, dark_entity.row.id).branch == "dark"


def test_a_missing_entity_is_not_found(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    session = story.session
    for row_id, branch in ((2**40, None), (kai.row.id, "no such branch")):
        with pytest.raises(NotFoundError):
            entities.find_entity(session, Character, row_id, branch=branch)
    story.create_branch("dark")
    story.delete(Kind.CHARACTERS, kai.row.key, branch="dark")
    with pytest.raises(NotFoundError, match="not on the branch 'dark'"):
        entities.find_entity(session, Character, kai.row.id, branch="dark")
    projects.delete_project(session, story.project_id)
    for to_change in (False, True):
        with pytest.raises(NotFoundError):
            entities.find_entity(session, Character, kai.row.id, lock=to_change)


def test_a_deleted_entity_is_readable_in_the_past(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    session = story.session
    messages_before = messages(story)
    head = history.resolve_ref(session, story.project_id, "main").hash
    entities.update_entity(
        session, entities.find_entity(session, Character, kai.row.id), {"description": "a ghost"}, note=ME
    )
    then, now = (
        entities.find_past(session, Character, kai.row.id, ref=head),
        entities.find_entity(session, Character, kai.row.id),
    )
    assert (then.fields["description"], now.fields["description"]) == ("a detective", "a ghost")
    assert (then.key, then.project_id, then.at) == (kai.row.key, story.project_id, head)
    assert len(messages(story)) == len(messages_before) + 1


def test_a_duplicate_name_changes_nothing(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    head = messages(story)
    fields = {"name": "KAI"}
    with pytest.raises(ConflictError, match="Kai"), story.session.begin_nested():
        entities.insert_entity(
            story.session,
            Character,
            fields,
            head=entities.lock_branch(story.session, story.project_id, "main"),
            note=ME,
        )
    assert messages(story) == head


def test_listing_a_branch_returns_only_its_entities(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    story.create_branch("dark")
    story.put(Kind.CHARACTERS, "dark", name="Ren")
    rows = entities.select_on_branch(story.session, Character, project_id=story.project_id, branch="dark")
    assert {row.name for row in story.session.scalars(rows)} == {"Kai", "Ren"}
    with pytest.raises(NotFoundError):
        entities.select_on_branch(story.session, Scene, project_id=story.project_id, branch="light")
