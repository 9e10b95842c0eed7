"""The documented `changes` of POST /commit: `{kind: {name, key or number: {field: value, …} or null}}`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.versions import Branch
from tower.errors import InvalidError
from tower.versions import branches
from tower.versions.editing import Edit
from tower.versions.fields import fields_of
from tower.versions.kinds import BIBLE_KEY, SHAPES, Kind
from tower.versions.values import escaped

ALIASES: Mapping[Kind, Mapping[str, str]] = {  # what answers of the API call a field, where it is not the column
    Kind.SCENES: {"duration": "duration_s"},
    Kind.EPISODES: {"metadata": "details"},
}


def parse(session: Session, *, project_id: int, branch: str, changes: Mapping[str, Any]) -> list[Edit]:
    """The edits that `changes` mean on the branch as it is.

    Scenes and episodes are named by number, the others by name in any case, all of them by key too; null deletes; a
    name or number that is not there creates. The bible may stand as `{"bible": {field: value}}`. Fields may have the
    names that answers give them (`duration`, `metadata`); a scene's `characters` may be names.
    Raises InvalidError that names the path of an unknown kind or field, and of a value that cannot be.
    """
    on = branches.find(session, project_id, branch)
    edits = [edit for kind, named in _by_kind(changes) for edit in _of_kind(session, on, kind, _entities(kind, named))]
    created = [edit for edit in edits if edit.kind == Kind.CHARACTERS and edit.fields is not None]
    return [_with_cast(session, on, edit, created) if edit.kind == Kind.SCENES else edit for edit in edits]


def cast(session: Session, *, project_id: int, branch: str, names: Sequence[Any]) -> list[dict[str, Any]]:
    """A scene's `characters` from what a request says: `[{name, key}]`, key null for a name without a character.

    `names`: full or first names in any case, or `{name, key}` as answered. Raises InvalidError for anything else.
    """
    return _cast(session, branches.find(session, project_id, branch), names, {}, "characters")


def _by_kind(changes: Mapping[str, Any]) -> Iterable[tuple[Kind, Any]]:
    """In the order in which they can be created."""
    for name in changes:
        if name not in set(Kind):
            raise InvalidError.field(f"changes.{name}", name, "one of " + ", ".join(Kind))
    return [(kind, changes[kind.value]) for kind in SHAPES if kind.value in changes]


def _entities(kind: Kind, named: Any) -> Mapping[str, Any]:
    """{name: fields or None}; a bible given by its fields alone, or null, stands under its key."""
    if kind == Kind.BIBLE and (named is None or (isinstance(named, dict) and named.keys() <= fields_of(kind).keys())):
        return {str(BIBLE_KEY): named}
    if not isinstance(named, dict):
        raise InvalidError.field(f"changes.{kind.value}", named, "an object: a name or number to its fields or null")
    return named


def _of_kind(session: Session, branch: Branch, kind: Kind, named: Mapping[str, Any]) -> Iterable[Edit]:
    known = _known(session, branch, kind, named)
    for name, fields in named.items():
        path = f"changes.{kind.value}.{escaped(name)}"
        if fields is not None and not isinstance(fields, dict):
            raise InvalidError.field(path, fields, "an object of fields, or null to delete")
        key = known.get(name.lower()) or _key(name)
        if key is not None or kind == Kind.BIBLE:
            yield Edit(kind, key or BIBLE_KEY, _translated(kind, fields))
        elif fields is None:
            raise InvalidError.field(path, name, f"one of the {kind.value} on {branch.name!r}, to delete it")
        else:
            yield Edit(kind, uuid.uuid4(), {**_name(kind, name, path), **(_translated(kind, fields) or {})})


def _known(session: Session, branch: Branch, kind: Kind, names: Iterable[str]) -> dict[str, uuid.UUID]:
    """Keys by name in lower case, or by number in digits."""
    shape = SHAPES[kind]
    row: Any = shape.row
    column = getattr(row, shape.named_by)
    mine = select(column, row.key).where(row.branch_id == branch.id).order_by(row.id.desc())
    if shape.numbered:
        mine = mine.where(column.in_([int(name) for name in names if _is_number(name)]))
    else:
        mine = mine.where(func.lower(column).in_([name.lower() for name in names]))
    return {str(name).lower(): key for name, key in session.execute(mine)}


def _name(kind: Kind, name: str, path: str) -> dict[str, Any]:
    if not SHAPES[kind].numbered:
        return {SHAPES[kind].named_by: name}
    if not _is_number(name):
        raise InvalidError.field(path, name, "a number from 1, or the key of one that is there")
    return {SHAPES[kind].named_by: int(name)}


def _translated(kind: Kind, fields: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    aliases = ALIASES.get(kind, {})
    return None if fields is None else {aliases.get(name, name): value for name, value in fields.items()}


def _with_cast(session: Session, branch: Branch, edit: Edit, created: Sequence[Edit]) -> Edit:
    if edit.fields is None or "characters" not in edit.fields:
        return edit
    fresh = {str(one.fields["name"]).lower(): one for one in created if one.fields and "name" in one.fields}
    keys = {name: one.key for name, one in fresh.items()}
    path = f"changes.scenes.{edit.fields.get('scene_number', edit.key)}.characters"
    return Edit(
        edit.kind,
        edit.key,
        {**edit.fields, "characters": _cast(session, branch, edit.fields["characters"], keys, path)},
    )


def _cast(
    session: Session, branch: Branch, names: Any, fresh: Mapping[str, uuid.UUID], path: str
) -> list[dict[str, Any]]:
    if not isinstance(names, list | tuple):
        raise InvalidError.field(path, names, "a list of names")
    texts = [name for name in names if isinstance(name, str)]
    known = {**_people(session, branch, texts), **fresh}
    found: list[tuple[str, Any]] = []
    for name in names:
        match name:
            case str() if name.strip():
                found.append((name, known.get(name.lower())))
            case {"name": str(text), **rest} if rest.keys() <= {"key"}:
                found.append((text, rest.get("key")))
            case _:
                raise InvalidError.field(path, name, "a name, or an object with name and key")
    return [{"name": text, "key": str(key) if key else None} for text, key in found]


def _people(session: Session, branch: Branch, names: Iterable[str]) -> dict[str, uuid.UUID]:
    """Keys by full name, and by first name where nobody has it as a full one; in lower case."""
    wanted = [name.lower() for name in names]
    full = func.lower(Character.name)
    first = func.split_part(full, " ", 1)
    mine = select(full, first, Character.key).where(Character.branch_id == branch.id).order_by(Character.id.desc())
    rows = session.execute(mine.where(full.in_(wanted) | first.in_(wanted))).all()
    return {short: key for _, short, key in rows} | {whole: key for whole, _, key in rows}


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and 1 <= int(name[:20]) < 2**63


def _key(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None
