"""The bible of a project: one a branch, and each change to it and its characters kept."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from db.models.bibles import BibleCharacter, BiblePart
from tests.tower.versions.story import Story, a_story
from tower.errors import ConflictError, NotFoundError
from tower.pages import Wanted
from tower.story import bibles, entities
from tower.versions.kinds import BIBLE_KEY, Kind


@pytest.fixture
def story(session: Session) -> Story:
    return a_story(session)


@pytest.fixture
def written(story: Story) -> Story:
    story.put(Kind.BIBLE, title="Bible", description="the world")
    story.put(Kind.BIBLE_CHARACTERS, name="Kai", bible_key=str(BIBLE_KEY))
    return story


def character_id(story: Story, branch: str = "main") -> int:
    [key] = story.at(branch, Kind.BIBLE_CHARACTERS)
    return story.row(Kind.BIBLE_CHARACTERS, key, branch).id


def changes(story: Story, branch: str = "main", part: BiblePart | None = None) -> list[tuple[str, bool, bool]]:
    page = bibles.history(story.session, story.project_id, branch, part=part, wanted=Wanted())
    return [(row.part, row.before is not None, row.after is not None) for row in page.rows]


def test_there_is_one_on_each_branch(written: Story) -> None:
    session, project_id = written.session, written.project_id
    assert bibles.find(session, project_id, "main").fields["title"] == "Bible"
    with pytest.raises(ConflictError, match="PUT"):
        bibles.refuse_second(session, entities.held(session, project_id, "main"))
    other = a_story(session)
    bibles.refuse_second(session, entities.held(session, other.project_id, "main"))
    with pytest.raises(NotFoundError):
        bibles.find(session, other.project_id, "main")


def test_a_character_is_one_of_its_own_project(written: Story) -> None:
    session, number = written.session, character_id(written)
    found = entities.find(session, BibleCharacter, number, project_id=written.project_id)
    assert found.fields["name"] == "Kai"
    with pytest.raises(NotFoundError, match=f"has no bible character {number}"):
        entities.find(session, BibleCharacter, number, project_id=a_story(session).project_id)


def test_who_is_drawn_for_a_character_must_be_of_the_project(written: Story) -> None:
    session, other = written.session, a_story(written.session)
    key = written.put(Kind.CHARACTERS, name="Kai")
    row_id = written.row(Kind.CHARACTERS, key).id
    assert bibles.key_of_character(session, written.project_id, row_id) == key
    assert bibles.key_of_character(session, written.project_id, None) is None
    with pytest.raises(NotFoundError):
        bibles.key_of_character(session, other.project_id, row_id)


def test_history_has_every_change_of_the_branch_newest_first(written: Story) -> None:
    [key] = written.at("main", Kind.BIBLE_CHARACTERS)
    written.put(Kind.BIBLE, title="Second")
    written.drop(Kind.BIBLE_CHARACTERS, key)
    assert changes(written) == [
        ("bible_character", True, False),
        ("bible", True, True),
        ("bible_character", False, True),
        ("bible", False, True),
    ]
    assert [part for part, *_ in changes(written, part=BiblePart.BIBLE)] == ["bible", "bible"]
    written.branch("dark")
    assert changes(written, "dark") == []
    with pytest.raises(NotFoundError):
        changes(written, "no such branch")
