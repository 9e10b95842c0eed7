"""The bible of a project: one per branch, with a history of changes to it and its characters."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from db.models.bibles import BibleCharacter, BiblePart
from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import ConflictError, NotFoundError
from tower.pages import PageRequest
from tower.story import bibles, entities
from tower.versions.kinds import BIBLE_KEY, Kind


@pytest.fixture
def story(session: Session) -> VersionedStory:
    return create_story(session)


@pytest.fixture
def written(story: VersionedStory) -> VersionedStory:
    story.put(Kind.BIBLE, title="Bible", description="the world")
    story.put(Kind.BIBLE_CHARACTERS, name="Kai", bible_key=str(BIBLE_KEY))
    return story


def character_id(story: VersionedStory, branch: str = "main") -> int:
    [key] = story.entities_at(branch, Kind.BIBLE_CHARACTERS)
    return story.find_row(Kind.BIBLE_CHARACTERS, key, branch).id


def changes(story: VersionedStory, branch: str = "main", part: BiblePart | None = None) -> list[tuple[str, bool, bool]]:
    page = bibles.list_changes(story.session, story.project_id, branch, part=part, page_request=PageRequest())
    return [(row.part, row.before is not None, row.after is not None) for row in page.rows]


def test_each_branch_has_one_bible(written: VersionedStory) -> None:
    session, project_id = written.session, written.project_id
    assert bibles.find_bible(session, project_id, "main").fields["title"] == "Bible"
    with pytest.raises(ConflictError, match="PUT"):
        bibles.check_no_bible(session, entities.lock_branch(session, project_id, "main"))
    other = create_story(session)
    bibles.check_no_bible(session, entities.lock_branch(session, other.project_id, "main"))
    with pytest.raises(NotFoundError):
        bibles.find_bible(session, other.project_id, "main")


def test_a_character_belongs_to_its_project(written: VersionedStory) -> None:
    session, number = written.session, character_id(written)
    character = entities.find_entity(session, BibleCharacter, number, project_id=written.project_id)
    assert character.fields["name"] == "Kai"
    with pytest.raises(NotFoundError, match=f"has no bible character {number}"):
        entities.find_entity(session, BibleCharacter, number, project_id=create_story(session).project_id)


def test_the_linked_character_must_belong_to_the_project(written: VersionedStory) -> None:
    session, other = written.session, create_story(written.session)
    key = written.put(Kind.CHARACTERS, name="Kai")
    row_id = written.find_row(Kind.CHARACTERS, key).id
    assert bibles.find_character_key(session, written.project_id, row_id) == key
    assert bibles.find_character_key(session, written.project_id, None) is None
    with pytest.raises(NotFoundError):
        bibles.find_character_key(session, other.project_id, row_id)


def test_the_history_lists_every_change_on_the_branch_newest_first(written: VersionedStory) -> None:
    [key] = written.entities_at("main", Kind.BIBLE_CHARACTERS)
    written.put(Kind.BIBLE, title="Second")
    written.delete(Kind.BIBLE_CHARACTERS, key)
    assert changes(written) == [
        ("bible_character", True, False),
        ("bible", True, True),
        ("bible_character", False, True),
        ("bible", False, True),
    ]
    assert [part for part, *_ in changes(written, part=BiblePart.BIBLE)] == ["bible", "bible"]
    written.create_branch("dark")
    assert changes(written, "dark") == []
    with pytest.raises(NotFoundError):
        changes(written, "no such branch")
