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
def bible_story(story: VersionedStory) -> VersionedStory:
    story.put(Kind.BIBLE, title="Bible", description="the world")
    story.put(Kind.BIBLE_CHARACTERS, name="Kai", bible_key=str(BIBLE_KEY))
    return story


def character_id(story: VersionedStory, branch: str = "main") -> int:
    [key] = story.entities_at(branch, Kind.BIBLE_CHARACTERS)
    return story.find_row(Kind.BIBLE_CHARACTERS, key, branch).id


def changes(story: VersionedStory, branch: str = "main", part: BiblePart | None = None) -> list[tuple[str, bool, bool]]:
    page = bibles.list_changes(story.session, story.project_id, branch, part=part, page_request=PageRequest())
    return [(row.part, row.before is not None, row.after is not None) for row in page.rows]


def test_each_branch_has_one_bible(bible_story: VersionedStory) -> None:
    session, project_id = bible_story.session, bible_story.project_id
    assert bibles.find_bible(session, project_id, "main").fields["title"] == "Bible"
    with pytest.raises(ConflictError, match="PUT"):
        bibles.check_no_bible(session, entities.lock_branch(session, project_id, "main"))
    other = create_story(session)
    bibles.check_no_bible(session, entities.lock_branch(session, other.project_id, "main"))
    with pytest.raises(NotFoundError):
        bibles.find_bible(session, other.project_id, "main")


def test_a_character_belongs_to_its_project(bible_story: VersionedStory) -> None:
    session, number = bible_story.session, character_id(bible_story)
    character = entities.find_entity(session, BibleCharacter, number, project_id=bible_story.project_id)
    assert character.fields["name"] == "Kai"
    with pytest.raises(NotFoundError, match=f"has no bible character {number}"):
        entities.find_entity(session, BibleCharacter, number, project_id=create_story(session).project_id)


def test_the_linked_character_must_belong_to_the_project(bible_story: VersionedStory) -> None:
    session, other = bible_story.session, create_story(bible_story.session)
    key = bible_story.put(Kind.CHARACTERS, name="Kai")
    row_id = bible_story.find_row(Kind.CHARACTERS, key).id
    assert bibles.find_character_key(session, bible_story.project_id, row_id) == key
    assert bibles.find_character_key(session, bible_story.project_id, None) is None
    with pytest.raises(NotFoundError):
        bibles.find_character_key(session, other.project_id, row_id)


def test_the_history_lists_every_change_on_the_branch_newest_first(bible_story: VersionedStory) -> None:
    [key] = bible_story.entities_at("main", Kind.BIBLE_CHARACTERS)
    bible_story.put(Kind.BIBLE, title="Second")
    bible_story.delete(Kind.BIBLE_CHARACTERS, key)
    assert changes(bible_story) == [
        ("bible_character", True, False),
        ("bible", True, True),
        ("bible_character", False, True),
        ("bible", False, True),
    ]
    assert [part for part, *_ in changes(bible_story, part=BiblePart.BIBLE)] == ["bible", "bible"]
    bible_story.create_branch("dark")
    assert changes(bible_story, "dark") == []
    with pytest.raises(NotFoundError):
        changes(bible_story, "no such branch")
