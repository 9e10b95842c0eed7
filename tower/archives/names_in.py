"""Repairs the names of an imported project that are refused today: an older Tower accepted them.

Versioned names are changed as a user would change them, by a commit on each branch, so that the history and its hashes
stay as they are. An import that refused such a project would lose it for those who no longer have that Tower.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from db.models.versions import Branch
from tower.archives.tables import ARCHIVED_TABLES, PROJECTS, ArchivedTable
from tower.names import clean_name, name_key, repair_name
from tower.versions.editing import EntityEdit, commit_edits
from tower.versions.kinds import KIND_SPECS, Kind

NAME_COLUMNS = frozenset({"name", "title", "native_name", "series_name"})
NAMELESS = "Unnamed"  # for a name without a visible character
AUTHOR = "import"
MESSAGE = "Repair names that this Tower does not accept"
VERSIONED_TABLES = {spec.row.__table__ for spec in KIND_SPECS.values()}


@dataclass(frozen=True)
class RepairedName:
    """A name that an import changed. `place`: the kind of thing, or table and column. `branch`: where, if on one."""

    place: str
    branch: str | None
    old: str
    new: str


def repair_names(session: Session, project_id: int) -> list[RepairedName]:
    """Repair the present names of a project whose history is checked, and return what was changed."""
    return [*_repair_rows(session, project_id), *_repair_branches(session, project_id)]


def _repair_branches(session: Session, project_id: int) -> Iterator[RepairedName]:
    branches = select(Branch).where(Branch.project_id == project_id).order_by(Branch.id)
    for branch in session.scalars(branches.execution_options(populate_existing=True)).all():
        repaired: list[RepairedName] = []
        edits = []
        for kind in KIND_SPECS:
            changes = _find_changes(session, branch, kind)
            edits += [EntityEdit(kind, key, fields) for key, (fields, _) in changes.items()]
            repaired += [
                RepairedName(kind.value, branch.name, old[column], new)
                for fields, old in changes.values()
                for column, new in fields.items()
            ]
        if edits:
            commit_edits(
                session, project_id=project_id, branch=branch.name, edits=edits, message=MESSAGE, author=AUTHOR
            )
        yield from repaired


def _find_changes(
    session: Session, branch: Branch, kind: Kind
) -> dict[uuid.UUID, tuple[dict[str, str], dict[str, str]]]:
    """The new and the old names of each entity of a branch that has to change, by its key."""
    spec = KIND_SPECS[kind]
    row: Any = spec.row
    rows = session.scalars(select(row).where(row.branch_id == branch.id).order_by(row.id)).all()
    changes: dict[uuid.UUID, tuple[dict[str, str], dict[str, str]]] = {}
    for column in sorted(NAME_COLUMNS & set(spec.content_fields)):
        is_unique = spec.unique and column == spec.name_field
        choose = _choose_names([getattr(one, column) for one in rows], is_unique=is_unique)
        for one in rows:
            old = getattr(one, column)
            new = choose(old)
            if new is not None:
                fields, before = changes.setdefault(one.key, ({}, {}))
                fields[column], before[column] = new, old
    return changes


def _repair_rows(session: Session, project_id: int) -> Iterator[RepairedName]:
    """Repair the names that are not versioned."""
    for archived in ARCHIVED_TABLES:
        if archived.table in VERSIONED_TABLES:
            continue
        for column in sorted(NAME_COLUMNS & set(archived.table.columns.keys())):
            yield from _repair_column(session, archived, column, project_id)


def _repair_column(session: Session, archived: ArchivedTable, column: str, project_id: int) -> Iterator[RepairedName]:
    table, where = archived.table, _of_project(archived, project_id)
    names = session.scalars(select(table.c[column]).where(where)).all()
    choose = _choose_names(names, is_unique=True)
    for old in dict.fromkeys(names):
        new = choose(old)
        if new is not None:
            session.execute(update(table).where(where, table.c[column] == old).values({column: new}))
            yield RepairedName(f"{table.name}.{column}", None, old, new)


def _of_project(archived: ArchivedTable, project_id: int) -> ColumnElement[bool]:
    columns = archived.table.columns
    return (columns["id"] if archived.name == PROJECTS else columns["project_id"]) == project_id


def _choose_names(names: Sequence[str | None], *, is_unique: bool) -> Callable[[str | None], str | None]:
    """A function from a name to its repaired form, which is None for a name that is accepted as it is."""
    taken: defaultdict[str, int] = defaultdict(int)
    for name in names:
        if name:
            taken[name_key(name)] += 1

    def choose(old: str | None) -> str | None:
        if not old or is_accepted(old):
            return None
        base = repair_name(old) or NAMELESS
        new, number = base, 1
        taken[name_key(old)] -= 1
        while is_unique and taken[name_key(new)] > 0:
            number += 1
            new = f"{base} ({number})"
        taken[name_key(new)] += 1
        return new

    return choose


def is_accepted(name: str) -> bool:
    try:
        return clean_name(name) == name
    except ValueError:
        return False
