"""Finds the character that a request names."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.projects import Project
from db.models.versions import Branch
from tower.engines.base import CastMember
from tower.generation import GenerationSpec

NOBODY = "original"  # the documents' word for no character of the database
MAIN = "main"


@dataclass(frozen=True)
class Cast:
    """Who is in the shot. `character_id` and `found_in` say which row was meant, `warning` that none
    was; `workflow` names the graph that renders it."""

    members: tuple[CastMember, ...] = ()
    character_id: int | None = None
    found_in: str | None = None
    workflow: str | None = None
    warning: str | None = None


def look_up(session: Session, spec: GenerationSpec) -> Cast:
    """The character by full or first name, in any case: in the given project, or else in the one last changed.

    An unknown name is kept as a word of the prompt, with a warning.
    """
    if spec.character.lower() == NOBODY:
        return Cast()
    character = find(session, spec.character, project_id=spec.project_id)
    if character is None:
        return Cast(
            members=(CastMember(spec.character),),
            warning=f"No character is called {spec.character!r}: the name is used as a word of the prompt",
        )
    return Cast(
        members=(_member(character),),
        character_id=character.id,
        workflow=character.comfyui_workflow,
        found_in=f"{character.name}, character {character.id} of project {character.project_id}",
    )


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


def _member(character: Character) -> CastMember:
    return CastMember(
        name=character.name,
        description=character.visual_description or character.description or "",
        traits={trait: str(value) for trait, value in (character.visual_traits or {}).items()},
        reference_image=character.image_path,
    )
