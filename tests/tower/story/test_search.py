"""Search in a project finds all words within one entity, in any script and case. Names rank before descriptions and
dialogue.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import NotFoundError
from tower.story import projects
from tower.story.search import search
from tower.versions.kinds import Kind

SAID = [{"character": "Ren", "line": "The bridge is burning", "timestamp": 1.5}]


@pytest.fixture
def story(session: Session) -> VersionedStory:
    story = create_story(session)
    story.put(Kind.CHARACTERS, name="Kai of the bridge", description="a detective")
    story.put(Kind.CHARACTERS, name="Ren", description="guards the bridge")
    story.put(Kind.SCENES, scene_number=1, description="Rain", location="old bridge", mood="calm")
    story.put(Kind.SCENES, scene_number=2, description="Fire", dialogue=SAID)
    story.put(Kind.SCENES, scene_number=3, description="京都の夜、雨", title="夜")
    return story


def find_hits(story: VersionedStory, words: str, **filters: Any) -> list[tuple[str, str]]:
    query = {"branch": "main", "limit": 50, **filters}
    return [(hit.label, hit.field) for hit in search(story.session, story.project_id, words, **query)]


def test_names_rank_before_descriptions_and_dialogue(story: VersionedStory) -> None:
    assert find_hits(story, "bridge") == [
        ("Kai of the bridge", "name"),
        ("Ren", "description"),
        ("1", "location"),
        ("2", "dialogue"),
    ]


def test_all_words_must_be_in_one_entity_but_may_be_in_different_fields(story: VersionedStory) -> None:
    assert find_hits(story, "RAIN bridge") == [("1", "description")]
    assert find_hits(story, "fire burning") == [("2", "description")]
    assert find_hits(story, "rain fire") == []


@pytest.mark.parametrize("words", ["京都", "都", "雨 夜"])
def test_words_of_scripts_without_spaces_match_in_part(story: VersionedStory, words: str) -> None:
    assert [label for label, _ in find_hits(story, words)] == ["3"]


@pytest.mark.parametrize("words", ["%", "_", "\\", "/", "calm%", "rain_"])
def test_pattern_characters_are_literal(story: VersionedStory, words: str) -> None:
    assert find_hits(story, words) == []


def test_speakers_are_searched_and_field_names_are_not(story: VersionedStory) -> None:
    assert ("2", "dialogue") in find_hits(story, "ren")
    assert find_hits(story, "timestamp") == []
    assert [hit.snippet for hit in search(story.session, story.project_id, "burning", branch="main", limit=5)] == [
        "Ren: The bridge is burning"
    ]


def test_kind_branch_and_limit_restrict_the_results(story: VersionedStory) -> None:
    story.create_branch("dark")
    story.put(Kind.SCENES, "dark", scene_number=4, description="another bridge")
    assert ("4", "description") in find_hits(story, "bridge", branch="dark")
    assert find_hits(story, "bridge", kinds=(Kind.SCENES,)) == [("1", "location"), ("2", "dialogue")]
    assert len(find_hits(story, "bridge", limit=2)) == 2


def test_a_changed_or_deleted_entity_is_found_in_its_current_state(story: VersionedStory) -> None:
    [key] = [key for key, scene in story.entities_at("main", Kind.SCENES).items() if scene["scene_number"] == 2]
    story.put(Kind.SCENES, key=key, dialogue=[])
    assert ("2", "dialogue") not in find_hits(story, "bridge")
    story.delete(Kind.SCENES, key)
    assert find_hits(story, "fire") == []


def test_another_project_is_not_searched_and_a_deleted_one_is_not_found(
    story: VersionedStory, session: Session
) -> None:
    assert find_hits(create_story(session), "bridge") == []
    projects.delete_project(session, story.project_id)
    with pytest.raises(NotFoundError):
        find_hits(story, "bridge")
