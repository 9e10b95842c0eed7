"""Who is in a shot: the characters that a request names, or all that play in a scene."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.projects import Project
from db.models.versions import Branch
from tower.engines.base import CastMember
from tower.errors import InvalidError
from tower.jobs.spec import GenerationSpec, GenerationType
from tower.jobs.steps import Step
from tower.storage.imported_files import image_of

MAIN = "main"


@dataclass(frozen=True)
class Known:
    """A character of the database, and the version of its row that is drawn."""

    id: int
    key: uuid.UUID
    name: str
    version: int


@dataclass(frozen=True)
class Cast:
    """Who is in the shot. `character_id` is the first one's row, `found_in` says of all that were found which rows they
    are, `warning` who was not; `workflow` names the graph that renders the first one. `known`: those that were found.
    """

    members: tuple[CastMember, ...] = ()
    character_id: int | None = None
    found_in: str | None = None
    workflow: str | None = None
    warning: str | None = None
    known: tuple[Known, ...] = ()


CAST = Step("cast", TypeAdapter(Cast))


def look_up(session: Session, spec: GenerationSpec) -> Cast:
    """Each by full or first name, in any case: in the given project, or else in the one last changed.

    An unknown name is kept as a word of the prompt, with a warning; in a professional generation it is an InvalidError.
    """
    named = [(name, find(session, name, project_id=spec.project_id)) for name in spec.names]
    if spec.type == GenerationType.PROFESSIONAL:
        _all_there(spec, named)
    return _cast(named)


def cast_of_scene(playing: Sequence[Mapping[str, Any]], known: Mapping[str, Character]) -> Cast:
    """All that play in a scene, in its order. `playing`: `{name, key}` each; `known`: the branch's characters by key.

    A name that no character has is kept as a word of the prompt, with a warning.
    """
    return _cast([(one["name"], known.get(one["key"] or "")) for one in playing])


def find(session: Session, name: str, *, project_id: int | None) -> Character | None:
    """Full names win over first names, then the one changed last."""
    wanted, full = name.lower(), func.lower(Character.name)
    matches = (
        select(Character)
        .join(Branch, Branch.id == Character.branch_id)
        .join(Project, Project.id == Character.project_id)
        .where(Branch.name == MAIN, Project.deleted_at.is_(None))
        .where(or_(full == wanted, func.split_part(full, " ", 1) == wanted))
        .order_by((full == wanted).desc(), Character.updated_at.desc(), Character.id.desc())
    )
    if project_id is not None:
        matches = matches.where(Character.project_id == project_id)
    return session.scalar(matches.limit(1))


def member_of(character: Character) -> CastMember:
    """The character as an engine sees it."""
    return CastMember(
        name=character.name,
        description=character.visual_description or character.description or "",
        traits={trait: str(value) for trait, value in (character.visual_traits or {}).items()},
        reference_image=image_of(character),
    )


def _all_there(spec: GenerationSpec, named: Sequence[tuple[str, Character | None]]) -> None:
    if not named:
        expected = "the name of a character: a professional generation shows one that exists"
        raise InvalidError.field("character", spec.character, expected)
    for name, character in named:
        if character is None:
            raise InvalidError.field("character", name, "the full or first name of a character that exists")


def _cast(named: Sequence[tuple[str, Character | None]]) -> Cast:
    found = [character for _, character in named if character]
    unknown = ", ".join(repr(name) for name, character in named if character is None)
    where = (f"{one.name}, character {one.id} of project {one.project_id}" for one in found)
    return Cast(
        members=tuple(member_of(character) if character else CastMember(name) for name, character in named),
        character_id=found[0].id if found else None,
        workflow=next((one.comfyui_workflow for one in found if one.comfyui_workflow), None),
        found_in="; ".join(where) or None,
        warning=f"No character is called {unknown}: the name is used as a word of the prompt" if unknown else None,
        known=tuple(Known(one.id, one.key, one.name, one.version) for one in found),
    )
