"""Parse the `changes` of POST /commit: `{kind: {name, key or number: {field: value, …} or null}}`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from db.models.versions import Branch
from tower.errors import InvalidError
from tower.names import NameIndex, PersonIndex
from tower.versions import branches
from tower.versions.editing import EntityEdit
from tower.versions.fields import field_specs, parse_name
from tower.versions.kinds import BIBLE_KEY, KIND_SPECS, Kind
from tower.versions.names import index_names, load_names
from tower.versions.values import escape_path_part

FIELD_ALIASES: Mapping[Kind, Mapping[str, str]] = {  # the API's name of a field, where it differs from the column
    Kind.SCENES: {"duration": "duration_s", "duration_seconds": "duration_s", "episode_id": "episode_key"},
    Kind.EPISODES: {"metadata": "details"},
    Kind.STORY_ARCS: {"episode_ids": "episode_keys"},
}


def parse_changes(session: Session, *, project_id: int, branch: str, changes: Mapping[str, Any]) -> list[EntityEdit]:
    """Return the edits that `changes` describe on the branch.

    Scenes and episodes are named by number, other entities by name in any case, and all of them by key. Null deletes
    an entity; an unknown name or number creates one. The bible may be given as `{"bible": {field: value}}`. Fields may
    have the names that the API uses (`duration_seconds`, `episode_id`, `metadata`), and a scene's `characters` may be
    names.
    Raises InvalidError, which names the path, for an unknown kind or field and for an invalid value.
    """
    branch_row = branches.find(session, project_id, branch)
    edits = [
        edit
        for kind, named in _by_kind(changes)
        for edit in _parse_kind(session, branch_row, kind, _fields_by_name(kind, named))
    ]
    created = [edit for edit in edits if edit.kind == Kind.CHARACTERS and edit.fields is not None]
    return [_resolve_cast(session, branch_row, edit, created) if edit.kind == Kind.SCENES else edit for edit in edits]


def parse_cast(session: Session, *, project_id: int, branch: str, names: Sequence[Any]) -> list[dict[str, Any]]:
    """Return a scene's `characters` as `[{name, key}]`; the key is None if no character has the name.

    `names` holds full or first names in any case, or objects `{name, key}`. Raises InvalidError for anything else.
    """
    return _parse_cast(session, branches.find(session, project_id, branch), names, NameIndex(()), "characters")


def _by_kind(changes: Mapping[str, Any]) -> Iterable[tuple[Kind, Any]]:
    """Return the changes by kind, in the order in which their entities can be created."""
    for name in changes:
        if name not in set(Kind):
            raise InvalidError.field(f"changes.{name}", name, "one of " + ", ".join(Kind))
    return [(kind, changes[kind.value]) for kind in KIND_SPECS if kind.value in changes]


def _fields_by_name(kind: Kind, named: Any) -> Mapping[str, Any]:
    """Return {name: fields or None}. A bible given as fields or null is put under its key."""
    if kind == Kind.BIBLE and (named is None or (isinstance(named, dict) and named.keys() <= field_specs(kind).keys())):
        return {str(BIBLE_KEY): named}
    if not isinstance(named, dict):
        raise InvalidError.field(
            f"changes.{kind.value}", named, "an object that maps names or numbers to fields, or to null"
        )
    return named


def _parse_kind(session: Session, branch: Branch, kind: Kind, named: Mapping[str, Any]) -> Iterable[EntityEdit]:
    known = index_names(session, branch.id, kind)
    for name, fields in named.items():
        path = f"changes.{kind.value}.{escape_path_part(name)}"
        if fields is not None and not isinstance(fields, dict):
            raise InvalidError.field(path, fields, "an object of fields, or null to delete")
        key = known.find(_number_or_name(kind, name)) or _parse_key(name)
        if key is not None or kind == Kind.BIBLE:
            yield EntityEdit(kind, key or BIBLE_KEY, _apply_aliases(kind, fields, path))
        elif fields is None:
            raise InvalidError.field(
                path, name, f"the name or key of one of the {kind.value} on {branch.name!r}, to delete it"
            )
        else:
            yield EntityEdit(
                kind, uuid.uuid4(), {**_name_field(kind, name, path), **(_apply_aliases(kind, fields, path) or {})}
            )


def _number_or_name(kind: Kind, text: str) -> str:
    """The number as it is written usually: `007` names scene 7."""
    return str(int(text)) if KIND_SPECS[kind].numbered and _is_number(text) else text


def _name_field(kind: Kind, name: str, path: str) -> dict[str, Any]:
    if not KIND_SPECS[kind].numbered:
        return {KIND_SPECS[kind].name_field: name}
    if not _is_number(name):
        raise InvalidError.field(path, name, f"a number from 1, or the key of one of the {kind.value}")
    return {KIND_SPECS[kind].name_field: int(name)}


def _apply_aliases(kind: Kind, fields: Mapping[str, Any] | None, path: str) -> Mapping[str, Any] | None:
    """Return the fields by the names of their columns. Raises InvalidError for two values of one field."""
    if fields is None:
        return None
    aliases = FIELD_ALIASES.get(kind, {})
    found: dict[str, Any] = {}
    for name, value in fields.items():
        column = aliases.get(name, name)
        if column in found and found[column] != value:
            raise InvalidError.field(f"{path}.{name}", value, "one value: two names of the same field have two")
        found[column] = [_rename_episode(item) for item in value] if _has_milestones(kind, column, value) else value
    return found


def _has_milestones(kind: Kind, column: str, value: Any) -> bool:
    return kind == Kind.STORY_ARCS and column == "milestones" and isinstance(value, list)


def _rename_episode(milestone: Any) -> Any:
    if not isinstance(milestone, dict) or "episode_id" not in milestone:
        return milestone
    return {("episode_key" if name == "episode_id" else name): value for name, value in milestone.items()}


def _resolve_cast(session: Session, branch: Branch, edit: EntityEdit, created: Sequence[EntityEdit]) -> EntityEdit:
    if edit.fields is None or "characters" not in edit.fields:
        return edit
    keys = NameIndex((str(new.fields["name"]), new.key) for new in created if new.fields and "name" in new.fields)
    path = f"changes.scenes.{edit.fields.get('scene_number', edit.key)}.characters"
    return EntityEdit(
        edit.kind,
        edit.key,
        {**edit.fields, "characters": _parse_cast(session, branch, edit.fields["characters"], keys, path)},
    )


def _parse_cast(
    session: Session, branch: Branch, names: Any, created: NameIndex[uuid.UUID], path: str
) -> list[dict[str, Any]]:
    if not isinstance(names, list | tuple):
        raise InvalidError.field(path, names, "a list of names")
    people = load_names(session, branch.id, Kind.CHARACTERS) if names else {}
    known = PersonIndex((name, key) for key, name in people.items())
    found: list[tuple[str, Any]] = []
    for name in names:
        match name:
            case str():
                text = parse_name(name, path)
                found.append((text, created.find(text) or known.find(text)))
            case {"name": str(text), **rest} if rest.keys() <= {"key"}:
                found.append((text, rest.get("key")))
            case _:
                raise InvalidError.field(path, name, "a name, or an object with name and key")
    return [{"name": text, "key": str(key) if key else None} for text, key in found]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and 1 <= int(name[:20]) < 2**63


def _parse_key(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None
