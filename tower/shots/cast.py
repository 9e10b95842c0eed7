"""The cast of a shot: the characters that a request names, or all characters of a scene."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.projects import Project
from db.models.versions import Branch
from tower.engines.base import CastMember
from tower.errors import InvalidError
from tower.jobs.spec import GenerationSpec, GenerationType
from tower.jobs.steps import StepResult
from tower.names import first_name, name_key
from tower.storage.imported_files import reference_image_path

MAIN_BRANCH = "main"


@dataclass(frozen=True)
class KnownCharacter:
    """A character of the database, and the version of its row that is rendered."""

    id: int
    key: uuid.UUID
    name: str
    version: int


@dataclass(frozen=True)
class Cast:
    """The characters in a shot.

    `known`: the members that the database has; `character_id` is the row of the first one, `found_in` describes the
    rows of all. `warning` names the other members. `workflow`: the first workflow that one of the characters has.
    """

    members: tuple[CastMember, ...] = ()
    character_id: int | None = None
    found_in: str | None = None
    workflow: str | None = None
    warning: str | None = None
    known: tuple[KnownCharacter, ...] = ()


CAST_STEP = StepResult("cast", TypeAdapter(Cast))


def look_up_cast(session: Session, spec: GenerationSpec) -> Cast:
    """Find each character by full or first name in the given project or else in any project.

    An unknown name stays as a word of the prompt, with a warning. In a professional generation it raises InvalidError.
    """
    characters_by_name = [
        (name, find_character(session, name, project_id=spec.project_id)) for name in spec.character_names
    ]
    if spec.type == GenerationType.PROFESSIONAL:
        _require_all(spec, characters_by_name)
    return _build_cast(characters_by_name)


def build_scene_cast(scene_characters: Sequence[Mapping[str, Any]], characters_by_key: Mapping[str, Character]) -> Cast:
    """Build the cast of a scene, in the order of the scene.

    `scene_characters`: `{name, key}` for each character; `characters_by_key`: the characters of the branch by key.
    A name that no character has stays as a word of the prompt, with a warning.
    """
    return _build_cast(
        [(character["name"], characters_by_key.get(character["key"] or "")) for character in scene_characters]
    )


def find_character(session: Session, name: str, *, project_id: int | None) -> Character | None:
    """Find a character by name. A full name wins over a first name, then the character that was changed last."""
    names = (
        select(Character.id, Character.name)
        .join(Branch, Branch.id == Character.branch_id)
        .join(Project, Project.id == Character.project_id)
        .where(Branch.name == MAIN_BRANCH, Project.deleted_at.is_(None))
        .order_by(Character.updated_at.desc(), Character.id.desc())
    )
    if project_id is not None:
        names = names.where(Character.project_id == project_id)
    people = session.execute(names).all()
    for part in (str, first_name):
        for row_id, full_name in people:
            if name_key(part(full_name)) == name_key(name):
                return session.get(Character, row_id, populate_existing=True)
    return None


def to_cast_member(character: Character) -> CastMember:
    """Convert a character to the form that an engine takes."""
    return CastMember(
        name=character.name,
        description=character.visual_description or character.description or "",
        traits={trait: str(value) for trait, value in (character.visual_traits or {}).items()},
        reference_image=reference_image_path(character),
    )


def _require_all(spec: GenerationSpec, characters_by_name: Sequence[tuple[str, Character | None]]) -> None:
    if not characters_by_name:
        expected = "the name of an existing character, which a professional generation needs"
        raise InvalidError.field("character", spec.character, expected)
    for name, character in characters_by_name:
        if character is None:
            raise InvalidError.field("character", name, "the full or first name of an existing character")


def _build_cast(characters_by_name: Sequence[tuple[str, Character | None]]) -> Cast:
    found = [character for _, character in characters_by_name if character]
    unknown = ", ".join(repr(name) for name, character in characters_by_name if character is None)
    rows = (f"{character.name}, character {character.id} of project {character.project_id}" for character in found)
    return Cast(
        members=tuple(
            to_cast_member(character) if character else CastMember(name) for name, character in characters_by_name
        ),
        character_id=found[0].id if found else None,
        workflow=next((character.comfyui_workflow for character in found if character.comfyui_workflow), None),
        found_in="; ".join(rows) or None,
        warning=f"No character is called {unknown}: the name is used as a word of the prompt" if unknown else None,
        known=tuple(
            KnownCharacter(character.id, character.key, character.name, character.version) for character in found
        ),
    )
