"""Names of entities on a branch: who has one, and whether it is free."""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.models.versions import Branch
from tower.errors import ConflictError
from tower.names import NameIndex, name_key
from tower.versions.kinds import KIND_SPECS, Fields, Kind
from tower.versions.rows import Changes


def load_names(session: Session, branch_id: int, kind: Kind) -> dict[uuid.UUID, Any]:
    """Return the names or numbers of all entities of a kind by key, oldest first.

    They are read from the rows, which match the head and are faster.
    """
    row: Any = KIND_SPECS[kind].row
    column = getattr(row, KIND_SPECS[kind].name_field)
    found = session.execute(select(row.key, column).where(row.branch_id == branch_id).order_by(row.id))
    return {row.key: row[1] for row in found}


def index_names(session: Session, branch_id: int, kind: Kind) -> NameIndex[uuid.UUID]:
    """Return an index of the keys of all entities of a kind by name."""
    return NameIndex((str(name), key) for key, name in load_names(session, branch_id, kind).items())


def contains_part(name: InstrumentedAttribute[str], part: str) -> ColumnElement[bool]:
    """Return the condition that a column of names contains a part, in any case and normal form."""
    return func.normalize(name).icontains(unicodedata.normalize("NFC", part), autoescape=True)


def check_names_free(session: Session, branch: Branch, changes: Changes) -> None:
    """Raises ConflictError if a change gives an entity the name of another one on the branch.

    Entities that already share a name may be changed: older versions compared names in another way.
    """
    for kind, shape in KIND_SPECS.items():
        if shape.unique and not shape.numbered:
            _check_free(session, branch, kind, changes)


def _check_free(session: Session, branch: Branch, kind: Kind, changes: Changes) -> None:
    field = KIND_SPECS[kind].name_field
    of_kind = {key: change for (of, key), change in changes.items() if of == kind}
    given = {
        key: str(after[field])
        for key, (before, after) in of_kind.items()
        if after is not None and _is_renamed(before, after, field)
    }
    if not given:
        return
    holders: dict[str, str] = {}
    deleted = {key for key, (_, after) in of_kind.items() if after is None}
    for key, name in load_names(session, branch.id, kind).items():
        if key not in given and key not in deleted:
            holders[name_key(str(name))] = str(name)
    for name in given.values():
        holder = holders.setdefault(name_key(name), name)
        if holder is not name:
            raise _taken(branch, kind, holder)


def _taken(branch: Branch, kind: Kind, name: str) -> ConflictError:
    table = KIND_SPECS[kind].row.__tablename__
    return ConflictError(
        f"Branch {branch.name!r} already has the {table.rstrip('s').replace('_', ' ')} {name!r}: choose another name",
        details={"branch": branch.name, "taken": name, "in": table},
    )


def _is_renamed(before: Fields | None, after: Fields, field: str) -> bool:
    return before is None or name_key(str(before[field])) != name_key(str(after[field]))
