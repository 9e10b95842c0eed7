"""Things by the id of their row: on their branch, on another, as they were; every change a commit with a message."""

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
    return made(story, {"name": "Kai", "description": "a detective"})


def made(story: VersionedStory, fields: dict[str, str]) -> LocatedRow[Character]:
    on = entities.lock_branch(story.session, story.project_id, "main")
    return entities.insert_entity(story.session, Character, fields, head=on, note=ME)


def messages(story: VersionedStory, ref: str = "main") -> list[str]:
    return [commit.message for commit in history.list_commits(story.session, story.project_id, ref).commits]


def test_what_is_made_is_found_by_its_row_and_by_its_key(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    found = entities.find_entity(story.session, Character, kai.row.id)
    assert (found.project_id, found.branch, found.fields["name"]) == (story.project_id, "main", "Kai")
    by_key = entities.find_by_key(
        story.session, Character, kai.row.key, project_id=story.project_id, branch="main", lock=True
    )
    assert by_key.row.id == kai.row.id


def test_every_change_is_noted_by_what_it_did_unless_a_message_says_it(
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


def test_one_thing_is_read_and_changed_on_each_branch_apart(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    session = story.session
    story.create_branch("dark")
    there = entities.find_entity(session, Character, kai.row.id, branch="dark", lock=True)
    assert (there.row.key, there.branch) == (kai.row.key, "dark")
    assert there.row.id != kai.row.id
    changed = entities.update_entity(session, there, {"description": "a thief"}, note=ME)
    assert (changed.row.id, changed.fields["description"]) == (there.row.id, "a thief")
    assert entities.find_entity(session, Character, kai.row.id).fields["description"] == "a detective"
    assert entities.find_entity(session, Character, there.row.id).branch == "dark"


def test_what_is_not_there_is_not_found(story: VersionedStory, kai: LocatedRow[Character]) -> None:
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


def test_a_deleted_thing_is_read_where_it_was(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    session = story.session
    before = messages(story)
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
    assert len(messages(story)) == len(before) + 1


def test_a_name_that_is_taken_changes_nothing(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    head = messages(story)
    taken = {"name": "KAI"}
    with pytest.raises(ConflictError, match="kai"), story.session.begin_nested():
        entities.insert_entity(
            story.session, Character, taken, head=entities.lock_branch(story.session, story.project_id, "main"), note=ME
        )
    assert messages(story) == head


def test_all_on_a_branch_are_those_of_it(story: VersionedStory, kai: LocatedRow[Character]) -> None:
    story.create_branch("dark")
    story.put(Kind.CHARACTERS, "dark", name="Ren")
    rows = entities.select_on_branch(story.session, Character, project_id=story.project_id, branch="dark")
    assert {row.name for row in story.session.scalars(rows)} == {"Kai", "Ren"}
    with pytest.raises(NotFoundError):
        entities.select_on_branch(story.session, Scene, project_id=story.project_id, branch="light")
