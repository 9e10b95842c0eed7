"""Finds the accepted takes that an edit made stale, looking only at the scenes that it can affect."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select, true
from sqlalchemy.orm import Session

from db.models.projects import ProjectSettings
from db.models.scenes import Scene
from db.models.versions import Commit
from tower.jobs.production import DEFAULT_STYLE
from tower.names import name_key
from tower.settings import Settings
from tower.staleness.accepted_takes import AcceptedScene, find_stale_takes, list_accepted
from tower.versions import history
from tower.versions.comparing import EntityChange
from tower.versions.kinds import Kind

MAX_INDEXED_CHARACTERS = 20  # beyond this, reading all scenes that have a take is faster


@dataclass(frozen=True)
class AffectedEntities:
    """The keys of the edited scenes and characters, and the names of the edited styles in lower case, old and new.

    No other versioned entity is part of a picture.
    """

    scenes: frozenset[uuid.UUID] = frozenset()
    characters: frozenset[uuid.UUID] = frozenset()
    styles: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.scenes or self.characters or self.styles)


def by_entity(kind: Kind, key: uuid.UUID, *states: Mapping[str, Any]) -> AffectedEntities:
    """The effect of editing one entity. `states`: its fields before and after, which hold the names of a style."""
    match kind:
        case Kind.SCENES:
            return AffectedEntities(scenes=frozenset({key}))
        case Kind.CHARACTERS:
            return AffectedEntities(characters=frozenset({key}))
        case Kind.STYLES:
            return AffectedEntities(styles=frozenset(name_key(str(fields["name"])) for fields in states))
        case _:
            return AffectedEntities()


def by_changes(changes: Iterable[EntityChange]) -> AffectedEntities:
    """The effect of the changes of a commit, a merge or a revert."""
    keys: dict[Kind, set[uuid.UUID]] = {kind: set() for kind in Kind}
    styles: set[str] = set()
    for change in changes:
        keys[change.kind].add(change.key)
        if change.kind == Kind.STYLES:
            before = (field.before for field in change.fields if field.path == "name" and field.before)
            styles |= {name_key(change.label), *(name_key(str(name)) for name in before)}
    return AffectedEntities(frozenset(keys[Kind.SCENES]), frozenset(keys[Kind.CHARACTERS]), frozenset(styles))


def by_commit(session: Session, commit: Commit) -> AffectedEntities:
    """The effect of a commit compared with its first parent."""
    return by_changes(history.diff_with_parent(session, commit))


def stale_scene_ids(
    session: Session, branch_id: int, affected: AffectedEntities, *, project_id: int, settings: Settings
) -> list[int]:
    """The ids of the affected scenes whose accepted take is stale now, by scene number."""
    if not affected:
        return []
    default_style = _default_style(session, project_id) if affected.styles else ""
    candidates = list_accepted(
        session, Scene.branch_id == branch_id, _preselection(session, branch_id, affected, default_style)
    )
    scenes = [scene for scene in candidates if _is_affected(scene, affected, default_style)]
    return [found.scene.id for found in find_stale_takes(session, scenes, settings)]


def _preselection(session: Session, branch_id: int, touched: AffectedEntities, default_style: str) -> Any:
    """A condition on indexed columns that all affected scenes meet, and perhaps others."""
    if len(touched.characters) > MAX_INDEXED_CHARACTERS:
        return true()
    conditions: list[Any] = [Scene.characters.contains([{"key": str(key)}]) for key in touched.characters]
    if touched.scenes:
        conditions.append(Scene.key.in_(touched.scenes))
    if touched.styles:
        styles = session.scalars(select(Scene.style).where(Scene.branch_id == branch_id).distinct()).all()
        named = [style for style in styles if style is not None and name_key(style) in touched.styles]
        conditions.append(Scene.style.in_(named))
        if name_key(default_style) in touched.styles:
            conditions.append(Scene.style.is_(None))
    return or_(*conditions)


def _is_affected(scene: AcceptedScene, touched: AffectedEntities, default_style: str) -> bool:
    cast_keys = {member["key"] for member in scene.characters}
    return (
        scene.key in touched.scenes
        or any(str(key) in cast_keys for key in touched.characters)
        or name_key(scene.style or default_style) in touched.styles
    )


def _default_style(session: Session, project_id: int) -> str:
    settings = session.get(ProjectSettings, project_id)
    return (settings and settings.default_style) or DEFAULT_STYLE
