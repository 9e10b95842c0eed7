"""Scenes: their order on a branch, copies of them, and who is in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, UUID, Text, any_, bindparam, cast, func, select
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.scenes import Scene
from tower.errors import InvalidError
from tower.presets.styles import find_style
from tower.story import entities
from tower.story.entities import Found, Note
from tower.versions import editing
from tower.versions.heads import Head
from tower.versions.kinds import Fields, Kind

Names = Mapping[uuid.UUID, str]
_NAMES = select(Character.key, Character.name).where(
    Character.branch_id == bindparam("branch"),
    # one text, which PostgreSQL takes apart faster than psycopg puts a list together
    Character.key == any_(cast(bindparam("keys", type_=Text()), ARRAY(UUID()))),
)


def next_number(session: Session, on: Head) -> int:
    """The number after the last scene of the branch, which is held, so that no one else takes it."""
    last = session.scalar(select(func.max(Scene.scene_number)).where(Scene.branch_id == on.branch.id))
    return (last or 0) + 1


def reorder(session: Session, scene_ids: Sequence[int], *, project_id: int, branch: str, note: Note) -> None:
    """Number the scenes 1, 2, … in the order of these ids, in one commit.

    Raises InvalidError unless they are all scenes of the branch, each once.
    """
    line = entities.held(session, project_id, branch).branch
    there = {row.id: row for row in session.scalars(select(Scene).where(Scene.branch_id == line.id))}
    if sorted(scene_ids) != sorted(there):
        raise InvalidError.field(
            "scene_ids", list(scene_ids)[:50], f"the ids of all {len(there)} scenes of {branch!r}, each once"
        )
    edits = [
        editing.Edit(Kind.SCENES, there[scene_id].key, {"scene_number": number})
        for number, scene_id in enumerate(scene_ids, start=1)
        if there[scene_id].scene_number != number
    ]
    message = note.message or "Put the scenes in another order"
    editing.commit(session, project_id=project_id, branch=branch, edits=edits, message=message, author=note.author)


def duplicate(session: Session, found: Found[Scene], *, number: int | None, note: Note) -> Found[Scene]:
    """A copy without a video, after the last scene or at a number that is free (else ConflictError)."""
    on = found.head or entities.held(session, found.project_id, found.branch)
    if number is None:
        number = next_number(session, on)
    copied = found.fields | {"scene_number": number, "video_path": None}
    message = note.message or f"Copied scene {found.row.scene_number} as scene {number}"
    noted = Note(note.author, message)
    return entities.create(session, Scene, copied, on=on, note=noted)


def names_of(session: Session, scenes: Iterable[Fields], *, branch_id: int) -> Names:
    """What the characters that play in these scenes are called now on the branch, by their keys."""
    keys = {one["key"] for fields in scenes for one in fields["characters"] if one["key"]}
    if not keys:
        return {}
    rows = session.execute(_NAMES, {"branch": branch_id, "keys": f"{{{','.join(keys)}}}"})
    return dict(rows.all())


def cast_names(fields: Mapping[str, Any], names: Names) -> list[str]:
    """Who is in the scene: a character by its present name, anyone else by the name that was given."""
    return [
        names.get(uuid.UUID(one["key"]), one["name"]) if one["key"] else one["name"] for one in fields["characters"]
    ]


def check_style(session: Session, name: str | None, *, project_id: int) -> None:
    """Raises InvalidError for a style that there is no template of."""
    if name is not None:
        find_style(session, name, project_id=project_id)
