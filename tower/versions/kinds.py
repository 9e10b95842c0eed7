"""What is versioned: seven kinds of things, and which of their columns are content.

Content is what a creator decides; it is in the trees and merges. All else in a row is its place (id, project, branch,
key), its dates, its version number, or what production made of it (a scene's status and accepted take, an episode's
file): that belongs to the row alone and no commit changes it.

One column is both: a scene's `video_path` is content where the user gave it, and production where it shows an
accepted take, that is where `accepted_fingerprint` is set.
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

BIBLE_KEY = uuid.uuid5(uuid.NAMESPACE_URL, "tower:bible")  # a branch has one bible, so it has one key everywhere


class Kind(StrEnum):
    BIBLE = "bible"
    BIBLE_CHARACTERS = "bible_characters"
    CHARACTERS = "characters"
    SCENES = "scenes"
    EPISODES = "episodes"
    STYLES = "styles"
    STORY_ARCS = "story_arcs"


@dataclass(frozen=True)
class Shape:
    """How one kind is kept.

    content: the attributes of `row` that are versioned.
    named_by: the field that people call it by; unique on a branch if `unique`, numbered from 1 if `numbered`.
    sets: list fields whose order means nothing, so that they merge as sets.
    """

    row: type[Row]
    content: tuple[str, ...]
    named_by: str
    unique: bool = True
    numbered: bool = False
    sets: frozenset[str] = frozenset()


_PERSON = (
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

SHAPES: Mapping[Kind, Shape] = {  # in the order in which rows can be written: what is referred to comes first
    Kind.CHARACTERS: Shape(
        Character,
        (*_PERSON, "image_path", "comfyui_workflow", "seed"),
        named_by="name",
        sets=frozenset({"abilities"}),
    ),
    Kind.BIBLE: Shape(
        ProjectBible,
        ("title", "description", "visual_style", "world_setting", "narrative_guidelines", "content"),
        named_by="title",
        unique=False,
    ),
    Kind.EPISODES: Shape(
        Episode,
        ("episode_number", "title", "synopsis", "details"),
        named_by="episode_number",
        numbered=True,
    ),
    Kind.STYLES: Shape(
        StyleTemplate,
        ("name", "description", "prompt", "negative_prompt", "sampler_settings"),
        named_by="name",
    ),
    Kind.BIBLE_CHARACTERS: Shape(
        BibleCharacter,
        (*_PERSON, "bible_key", "character_key"),
        named_by="name",
        sets=frozenset({"abilities"}),
    ),
    Kind.SCENES: Shape(
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
        named_by="scene_number",
        numbered=True,
        sets=frozenset({"characters"}),
    ),
    Kind.STORY_ARCS: Shape(
        StoryArc,
        ("name", "description", "status", "position", "episode_keys", "milestones"),
        named_by="name",
        unique=False,
    ),
}


def mapper(kind: Kind) -> Mapper[Any]:
    """How SQLAlchemy maps the rows of this kind."""
    return class_mapper(SHAPES[kind].row)


def label(kind: Kind, fields: Mapping[str, Any]) -> str:
    """What people call it: a name, a number, a title."""
    return str(fields[SHAPES[kind].named_by])
