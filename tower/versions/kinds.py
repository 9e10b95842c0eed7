"""The seven kinds of versioned entities, and which of their columns are content.

Content is set by a creator; trees hold it and merges merge it. The other columns are the row's identity (id, project,
branch, key), its dates, its version number, or results of production (a scene's status and accepted take, an episode's
file). They belong to the row alone and no commit changes them.

A scene's `video_path` is content if the user set it. It is a result of production if it shows an accepted take, that
is, if `accepted_fingerprint` is set.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Mapper, class_mapper

from db.models.bibles import BibleCharacter, ProjectBible
from db.models.characters import Character
from db.models.episodes import Episode, StoryArc
from db.models.scenes import Scene
from db.models.styles import StyleTemplate

Fields = dict[str, Any]  # the content of one entity as JSON values: keys are strings, numbers are int or float
Row = ProjectBible | BibleCharacter | Character | Scene | Episode | StyleTemplate | StoryArc

BIBLE_KEY = uuid.uuid5(uuid.NAMESPACE_URL, "tower:bible")  # a branch has one bible, so every bible has the same key


class Kind(StrEnum):
    BIBLE = "bible"
    BIBLE_CHARACTERS = "bible_characters"
    CHARACTERS = "characters"
    SCENES = "scenes"
    EPISODES = "episodes"
    STYLES = "styles"
    STORY_ARCS = "story_arcs"


@dataclass(frozen=True)
class KindSpec:
    """How entities of one kind are stored.

    content_fields: the attributes of `row` that are versioned.
    name_field: the field that users know the entity by. It is unique on a branch if `unique`, and numbered from 1 if
        `numbered`.
    set_fields: list fields whose order has no meaning, so that they merge as sets.
    """

    row: type[Row]
    content_fields: tuple[str, ...]
    name_field: str
    unique: bool = True
    numbered: bool = False
    set_fields: frozenset[str] = frozenset()


_PERSON_FIELDS = (
    "name",
    "role",
    "description",
    "personality",
    "personality_traits",
    "backstory",
    "visual_description",
    "visual_traits",
    "abilities",
    "relationships",
    "evolution_arc",
)

KIND_SPECS: Mapping[Kind, KindSpec] = {  # in writing order: rows come after those they refer to
    Kind.CHARACTERS: KindSpec(
        Character,
        (*_PERSON_FIELDS, "image_path", "comfyui_workflow", "seed"),
        name_field="name",
        set_fields=frozenset({"abilities"}),
    ),
    Kind.BIBLE: KindSpec(
        ProjectBible,
        ("title", "description", "visual_style", "world_setting", "narrative_guidelines", "content"),
        name_field="title",
        unique=False,
    ),
    Kind.EPISODES: KindSpec(
        Episode,
        ("episode_number", "title", "synopsis", "details", "cut"),
        name_field="episode_number",
        numbered=True,
    ),
    Kind.STYLES: KindSpec(
        StyleTemplate,
        ("name", "description", "prompt", "negative_prompt", "sampler_settings"),
        name_field="name",
    ),
    Kind.BIBLE_CHARACTERS: KindSpec(
        BibleCharacter,
        (*_PERSON_FIELDS, "bible_key", "character_key"),
        name_field="name",
        set_fields=frozenset({"abilities"}),
    ),
    Kind.SCENES: KindSpec(
        Scene,
        (
            "scene_number",
            "title",
            "description",
            "episode_key",
            "duration_s",
            "characters",
            "dialogue",
            "scene_type",
            "style",
            "location",
            "mood",
            "camera",
            "video_path",
        ),
        name_field="scene_number",
        numbered=True,
        set_fields=frozenset({"characters"}),
    ),
    Kind.STORY_ARCS: KindSpec(
        StoryArc,
        ("name", "description", "status", "position", "episode_keys", "milestones"),
        name_field="name",
        unique=False,
    ),
}


def get_mapper(kind: Kind) -> Mapper[Any]:
    """Return the SQLAlchemy mapper of this kind's rows."""
    return class_mapper(KIND_SPECS[kind].row)


def entity_label(kind: Kind, fields: Mapping[str, Any]) -> str:
    """Return the name, number or title that users know the entity by."""
    return str(fields[KIND_SPECS[kind].name_field])
