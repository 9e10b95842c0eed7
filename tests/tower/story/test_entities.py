"""Things by the id of their row: on their branch, on another, as they were; every change a commit with a message."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.scenes import Scene
from tests.tower.versions.story import Story, a_story
from tower.errors import ConflictError, NotFoundError
from tower.story import entities, projects
from tower.story.entities import Found, Note
from tower.versions import history
from tower.versions.kinds import Kind

ME = Note("tests")


@pytest.fixture
def story(session: Session) -> Story:
    return a_story(session)


@pytest.fixture
def kai(story: Story) -> Found[Character]:
    return made(story, {"name": "Kai", "description": "a detective"})


def made(story: Story, fields: dict[str, str]) -> Found[Character]:
    on = entities.held(story.session, story.project_id, "main")
    return entities.create(story.session, Character, fields, on=on, note=ME)


def messages(story: Story, ref: str = "main") -> list[str]:
    return [commit.message for commit in history.log(story.session, story.project_id, ref).commits]


def test_what_is_made_is_found_by_its_row_and_by_its_key(story: Story, kai: Found[Character]) -> None:
    found = entities.find(story.session, Character, kai.row.id)
    assert (found.project_id, found.branch, found.fields["name"]) == (story.project_id, "main", "Kai")
    by_key = entities.find_key(
        story.session, Character, kai.row.key, project_id=story.project_id, branch="main", to_change=True
    )
    assert by_key.row.id == kai.row.id


def test_every_change_is_noted_by_what_it_did_unless_a_message_says_it(story: Story, kai: Found[Character]) -> None:
    entities.change(story.session, kai, {"seed": 7, "role": "hero"}, note=ME)
    entities.change(
        story.session, entities.find(story.session, Character, kai.row.id), {"seed": 8}, note=Note("me", "so")
    )
    entities.delete(story.session, entities.find(story.session, Character, kai.row.id), note=ME)
    assert messages(story)[:4] == [
        "Deleted character Kai",
        "so",
        "Changed character Kai: seed, role",
        "Added character Kai",
    ]


def test_one_thing_is_read_and_changed_on_each_branch_apart(story: Story, kai: Found[Character]) -> None:
    session = story.session
    story.branch("dark")
    there = entities.find(session, Character, kai.row.id, branch="dark", to_change=True)
    assert (there.row.key, there.branch) == (kai.row.key, "dark")
    assert there.row.id != kai.row.id
    changed = entities.change(session, there, {"description": "a thief"}, note=ME)
    assert (changed.row.id, changed.fields["description"]) == (there.row.id, "a thief")
    assert entities.find(session, Character, kai.row.id).fields["description"] == "a detective"
    assert entities.find(session, Character, there.row.id).branch == "dark"


def test_what_is_not_there_is_not_found(story: Story, kai: Found[Character]) -> None:
    session = story.session
    for row_id, branch in ((2**40, None), (kai.row.id, "no such branch")):
        with pytest.raises(NotFoundError):
            entities.find(session, Character, row_id, branch=branch)
    story.branch("dark")
    story.drop(Kind.CHARACTERS, kai.row.key, branch="dark")
    with pytest.raises(NotFoundError, match="not on the branch 'dark'"):
        entities.find(session, Character, kai.row.id, branch="dark")
    projects.put_in_bin(session, story.project_id)
    for to_change in (False, True):
        with pytest.raises(NotFoundError):
            entities.find(session, Character, kai.row.id, to_change=to_change)


def test_a_deleted_thing_is_read_where_it_was(story: Story, kai: Found[Character]) -> None:
    session = story.session
    before = messages(story)
    head = history.resolve(session, story.project_id, "main").hash
    entities.change(session, entities.find(session, Character, kai.row.id), {"description": "a ghost"}, note=ME)
    then, now = entities.past(session, Character, kai.row.id, at=head), entities.find(session, Character, kai.row.id)
    assert (then.fields["description"], now.fields["description"]) == ("a detective", "a ghost")
    assert (then.key, then.project_id, then.at) == (kai.row.key, story.project_id, head)
    assert len(messages(story)) == len(before) + 1


def test_a_name_that_is_taken_changes_nothing(story: Story, kai: Found[Character]) -> None:
    head = messages(story)
    taken = {"name": "KAI"}
    with pytest.raises(ConflictError, match="kai"), story.session.begin_nested():
        entities.create(
            story.session, Character, taken, on=entities.held(story.session, story.project_id, "main"), note=ME
        )
    assert messages(story) == head


def test_all_on_a_branch_are_those_of_it(story: Story, kai: Found[Character]) -> None:
    story.branch("dark")
    story.put(Kind.CHARACTERS, "dark", name="Ren")
    rows = entities.on_branch(story.session, Character, project_id=story.project_id, branch="dark")
    assert {row.name for row in story.session.scalars(rows)} == {"Kai", "Ren"}
    with pytest.raises(NotFoundError):
        entities.on_branch(story.session, Scene, project_id=story.project_id, branch="light")
