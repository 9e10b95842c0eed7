"""Order and duplicate the scenes of a branch, and look up their characters."""

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
from tower.story.entities import CommitNote, LocatedRow
from tower.versions import editing
from tower.versions.heads import Head
from tower.versions.kinds import Fields, Kind

NamesByKey = Mapping[uuid.UUID, str]
_NAMES = select(Character.key, Character.name).where(
    Character.branch_id == bindparam("branch"),
    # one string that PostgreSQL parses faster than psycopg adapts a list
    Character.key == any_(cast(bindparam("keys", type_=Text()), ARRAY(UUID()))),
)


def next_scene_number(session: Session, head: Head) -> int:
    """Return the number after the last scene. The branch is locked, so no other writer can take it."""
    last = session.scalar(select(func.max(Scene.scene_number)).where(Scene.branch_id == head.branch.id))
    return (last or 0) + 1


def reorder_scenes(
    session: Session, scene_ids: Sequence[int], *, project_id: int, branch: str, note: CommitNote
) -> None:
    """Number the scenes 1, 2, … in the order of these ids, in one commit.

    Raises InvalidError unless they are all scenes of the branch, each once.
    """
    branch_row = entities.lock_branch(session, project_id, branch).branch
    rows = {row.id: row for row in session.scalars(select(Scene).where(Scene.branch_id == branch_row.id))}
    if sorted(scene_ids) != sorted(rows):
        raise InvalidError.field(
            "scene_ids", list(scene_ids)[:50], f"the ids of all {len(rows)} scenes of {branch!r}, each once"
        )
    edits = [
        editing.EntityEdit(Kind.SCENES, rows[scene_id].key, {"scene_number": number})
        for number, scene_id in enumerate(scene_ids, start=1)
        if rows[scene_id].scene_number != number
    ]
    message = note.message or "Reordered the scenes"
    editing.commit_edits(
        session, project_id=project_id, branch=branch, edits=edits, message=message, author=note.author
    )


def duplicate_scene(
    session: Session, located: LocatedRow[Scene], *, number: int | None, note: CommitNote
) -> LocatedRow[Scene]:
    """Copy a scene without its video, to `number` or after the last scene. Raises ConflictError for a taken number."""
    head = located.head or entities.lock_branch(session, located.project_id, located.branch)
    if number is None:
        number = next_scene_number(session, head)
    copied = located.fields | {"scene_number": number, "video_path": None}
    message = note.message or f"Copied scene {located.row.scene_number} as scene {number}"
    return entities.insert_entity(session, Scene, copied, head=head, note=CommitNote(note.author, message))


def character_names(session: Session, scenes: Iterable[Fields], *, branch_id: int) -> NamesByKey:
    """Return the current names of the characters in these scenes, by key."""
    keys = {member["key"] for fields in scenes for member in fields["characters"] if member["key"]}
    if not keys:
        return {}
    rows = session.execute(_NAMES, {"branch": branch_id, "keys": f"{{{','.join(keys)}}}"})
    return dict(rows.all())


def cast_names(fields: Mapping[str, Any], names: NamesByKey) -> list[str]:
    """Return the names of the scene's cast: the current names of characters, and the given names of others."""
    return [
        names.get(uuid.UUID(member["key"]), member["name"]) if member["key"] else member["name"]
        for member in fields["characters"]
    ]


def check_style(session: Session, name: str | None, *, project_id: int) -> None:
    """Raises InvalidError for a style without a template."""
    if name is not None:
        find_style(session, name, project_id=project_id)
