"""The documented `changes` of POST /commit."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.tower.versions.story import VersionedStory
from tower.errors import InvalidError
from tower.versions import changes
from tower.versions.kinds import BIBLE_KEY, Kind


def apply(story: VersionedStory, changes_json: dict[str, Any], branch: str = "main") -> None:
    edits = changes.parse_changes(story.session, project_id=story.project_id, branch=branch, changes=changes_json)
    story.commit(*edits, branch=branch)
    assert story.check_integrity() == []


def only(story: VersionedStory, kind: Kind) -> dict[str, Any]:
    (fields,) = story.entities_at("main", kind).values()
    return fields


def test_names_numbers_and_keys_create_change_and_delete(story: VersionedStory) -> None:
    apply(
        story,
        {
            "scenes": {"1": {"description": "Dawn", "duration": 5.0, "characters": ["kai nakamura", "Elder"]}},
            "characters": {"Kai Nakamura": {"description": "A detective"}},
            "bible": {"title": "Bible", "description": "All of it"},
            "bible_characters": {"Kai": {"bible_key": str(BIBLE_KEY), "description": "A detective"}},
            "episodes": {"1": {"title": "One", "metadata": {"genre": "noir"}}},
            "styles": {"neon": {"prompt": "neon lights"}},
            "story_arcs": {"Revenge": {"status": "active"}},
        },
    )
    (kai,) = story.entities_at("main", Kind.CHARACTERS)
    scene = only(story, Kind.SCENES)
    assert (scene["duration_s"], scene["characters"]) == (
        5,
        [{"name": "kai nakamura", "key": str(kai)}, {"name": "Elder", "key": None}],
    )
    assert only(story, Kind.EPISODES)["details"] == {"genre": "noir"}
    apply(story, {"characters": {"KAI NAKAMURA": {"seed": 7}}, "scenes": {"1": None}})
    apply(story, {"characters": {str(kai): {"role": "hero"}}, "bible": {"Bible": {"description": "More"}}})
    assert (only(story, Kind.CHARACTERS)["seed"], only(story, Kind.CHARACTERS)["role"]) == (7, "hero")
    assert only(story, Kind.BIBLE)["description"] == "More"
    apply(story, {"bible": None, "characters": {"Kai Nakamura": None}})
    assert [story.entities_at("main", kind) for kind in (Kind.SCENES, Kind.BIBLE, Kind.CHARACTERS)] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("changes_json", "path"),
    [
        ({"people": {}}, "changes.people"),
        ({"scenes": []}, "changes.scenes"),
        ({"scenes": {"first": {"description": ""}}}, "changes.scenes.first"),
        ({"scenes": {"0": {"description": ""}}}, "changes.scenes.0"),
        ({"scenes": {"9" * 30: {"description": ""}}}, "changes.scenes.9"),
        ({"scenes": {"1": {"description": "", "characters": [7]}}}, "changes.scenes.1.characters"),
        ({"scenes": {"1": {"description": "", "characters": "Kai"}}}, "changes.scenes.1.characters"),
        ({"characters": {"Kai": "detective"}}, "changes.characters.Kai"),
        ({"characters": {"Nobody": None}}, "changes.characters.Nobody"),
        ({"characters": {"Kai": {"age": 30}}}, "characters/Kai/age"),
        ({"bible": 7}, "changes.bible"),
        ({"bible": {"description": "untitled"}}, "/title"),
    ],
)
def test_an_invalid_change_is_refused_with_its_path(
    story: VersionedStory, changes_json: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        apply(story, changes_json)
    assert path in (refused.value.details or {})["field"]


def test_changes_apply_to_their_branch_only(story: VersionedStory) -> None:
    story.put(Kind.CHARACTERS, name="Kai")
    story.create_branch("dark")
    apply(story, {"characters": {"Rin": {}}}, "dark")
    with pytest.raises(InvalidError):
        apply(story, {"characters": {"Rin": None}})


def test_cast_members_are_found_by_full_or_first_name(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai Nakamura")
    short = story.put(Kind.CHARACTERS, name="Kai")
    eva = story.put(Kind.CHARACTERS, name="Éva Lee")
    known = str(uuid.uuid4())
    cast = changes.parse_cast(
        story.session,
        project_id=story.project_id,
        branch="main",
        names=["KAI", "Kai Nakamura", "Nobody", {"name": "Rin", "key": known}, "E\u0301VA"],
    )
    assert [member["key"] for member in cast] == [str(short), str(kai), None, known, str(eva)]
