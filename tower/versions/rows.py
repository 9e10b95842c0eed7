"""The rows that hold the current state of a branch: read as content, and kept equal to its head."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Table, TextClause, delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, class_mapper
from sqlalchemy.orm.attributes import instance_dict

from db.base import Base
from db.models.scenes import Scene, SceneStatus
from db.models.story import StorylineContext, StoryTimeline
from db.models.versions import Branch
from tower.errors import ConflictError, InvalidError
from tower.names import name_key
from tower.versions.fields import field_specs
from tower.versions.kinds import KIND_SPECS, Fields, Kind, Row, get_mapper
from tower.versions.objects import DamagedHistoryError
from tower.versions.trees import Address
from tower.versions.values import canonicalise

Changes: TypeAlias = dict[Address, tuple[Fields | None, Fields | None]]  # each entity before and after; None if absent

ACCEPTED_COLUMNS = (
    "accepted_asset_id",
    "accepted_fingerprint",
    "accepted_inputs",
)  # columns of a scene that has an accepted take
_UNVERSIONED = (StoryTimeline, StorylineContext)  # tables of a branch without commits, in writing order


def row_content(kind: Kind, row: Row) -> Fields:
    """Return the content of a row, in canonical form."""
    fields = {name: canonicalise(getattr(row, name), name) for name in KIND_SPECS[kind].content_fields}
    if isinstance(row, Scene) and row.accepted_fingerprint is not None:
        fields["video_path"] = None  # it shows the accepted take, which is not content
    return fields


def load_rows(session: Session, branch_id: int, kind: Kind, keys: Iterable[uuid.UUID] | None = None) -> Sequence[Row]:
    """Return the rows of a kind, or only those with these keys, read again from the database."""
    row: Any = KIND_SPECS[kind].row
    query = select(row).where(row.branch_id == branch_id).execution_options(populate_existing=True)
    if keys is not None:
        query = query.where(row.key.in_(list(keys)))
    found: Sequence[Row] = session.scalars(query).all()
    return found


def apply_changes(session: Session, branch: Branch, changes: Changes) -> None:
    """Apply the changes to the rows of the branch.

    Raises ConflictError for a name or number that is taken, InvalidError for a reference to a missing entity, and
    DamagedHistoryError if the rows did not match the head.
    """
    with _translate_integrity_errors(branch):
        for kind in reversed(tuple(KIND_SPECS)):
            deleted = [key for (of, key), (_, after) in changes.items() if of == kind and after is None]
            _delete(session, branch, kind, deleted)
        for kind in KIND_SPECS:
            of_kind = {key: change for (of, key), change in changes.items() if of == kind and change[1] is not None}
            new = {key: after for key, (before, after) in of_kind.items() if before is None and after is not None}
            updated = {key: (before, after) for key, (before, after) in of_kind.items() if before and after}
            _update(session, branch, kind, updated)  # before inserts: a new entity may take a name that an update frees
            _insert(session, branch, kind, new)
        if _sets_a_number(changes):
            session.execute(text("set constraints all immediate"))
            session.execute(text("set constraints all deferred"))
    _expire(session, branch, {kind for kind, _ in changes})


def copy_branch_rows(session: Session, source: Branch, target: Branch) -> None:
    """Copy all rows of `source` to the new branch `target`: content, results of production and the story's timeline."""
    tables = [_table(KIND_SPECS[kind].row) for kind in KIND_SPECS] + [_table(row) for row in _UNVERSIONED]
    for table in tables:
        names = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in ("id", "branch_id"))
        session.execute(
            text(
                f"insert into {table.fullname} (branch_id, {names})"
                f" select :to, {names} from {table.fullname} where branch_id = :source order by id"
            ),
            {"to": target.id, "source": source.id},
        )


def copy_production_columns(session: Session, source: Branch, target: Branch, new: Iterable[Address]) -> None:
    """Copy the results of production from `source` to the rows that a merge has just created on `target`."""
    by_kind: dict[Kind, list[uuid.UUID]] = {}
    for kind, key in new:
        by_kind.setdefault(kind, []).append(key)
    for kind, keys in by_kind.items():
        columns = _production_columns(kind)
        if not columns:
            continue
        values = ", ".join(f'"{column}" = s."{column}"' for column in columns)
        table = _table(KIND_SPECS[kind].row).fullname
        session.execute(
            text(
                f"update {table} t set {values} from {table} s"
                " where t.branch_id = :to and s.branch_id = :source and s.key = t.key and t.key = any(:keys)"
            ),
            {"to": target.id, "source": source.id, "keys": keys},
        )
    _expire(session, target, set(by_kind))


def _sets_a_number(changes: Changes) -> bool:
    """Whether a change sets a number. The unique constraint on numbers is deferred and must be checked explicitly."""

    def renumbered(kind: Kind, before: Fields | None, after: Fields | None) -> bool:
        by = KIND_SPECS[kind].name_field
        return KIND_SPECS[kind].numbered and after is not None and (before is None or before[by] != after[by])

    return any(renumbered(kind, *pair) for (kind, _), pair in changes.items())


def _production_columns(kind: Kind) -> list[str]:
    """Return the columns that hold results of production: all but content, identity, dates and version."""
    identity = {"id", "project_id", "branch_id", "key", "version", "created_at", "updated_at"}
    versioned = {column for _, column in _columns(kind)} - {"video_path"}
    return [column.name for column in _table(KIND_SPECS[kind].row).columns if column.name not in identity | versioned]


def _insert(session: Session, branch: Branch, kind: Kind, new: Mapping[uuid.UUID, Fields]) -> None:
    if not new:
        return
    values = {**_branch_parameter(branch), "project_id": branch.project_id, "rows": _rows_json(kind, new)}
    session.execute(_insert_statement(kind), values)


def _update(session: Session, branch: Branch, kind: Kind, updates: Mapping[uuid.UUID, tuple[Fields, Fields]]) -> None:
    if not updates:
        return
    _free_swapped_names(session, branch, kind, updates)
    rows = _rows_json(kind, {key: after for key, (_, after) in updates.items()})
    updated: Any = session.execute(_update_statement(kind), {**_branch_parameter(branch), "rows": rows})
    _check_count(branch, kind, updated.rowcount, len(updates))
    if kind == Kind.SCENES:
        _set_videos(session, branch, updates)


@cache
def _insert_statement(kind: Kind) -> TextClause:
    names = ", ".join(f'"{column}"' for _, column in _columns(kind))
    table = _table(KIND_SPECS[kind].row).fullname
    return text(
        f"insert into {table} (project_id, branch_id, key, {names})"
        f" select :project_id, :branch_id, r.key, {names}"
        f" from jsonb_populate_recordset(null::{table}, cast(:rows as jsonb)) r"
    )


@cache
def _update_statement(kind: Kind) -> TextClause:
    columns = [column for _, column in _columns(kind) if column != "video_path"]
    values = ", ".join(f'"{column}" = r."{column}"' for column in columns)
    table = _table(KIND_SPECS[kind].row).fullname
    return text(
        f"update {table} t set {values}, version = t.version + 1, updated_at = now()"
        f" from jsonb_populate_recordset(null::{table}, cast(:rows as jsonb)) r"
        " where t.branch_id = :branch_id and t.key = r.key"
    )


def _set_videos(session: Session, branch: Branch, updates: Mapping[uuid.UUID, tuple[Fields, Fields]]) -> None:
    """A video set by the user replaces an accepted take; removing a video does not remove a take."""
    for key, (before, after) in updates.items():
        video = after["video_path"]
        if before["video_path"] == video:
            continue
        statement = update(Scene).where(Scene.branch_id == branch.id, Scene.key == key)
        options = {"synchronize_session": False}
        if video is not None:
            values = {"video_path": video} | dict.fromkeys(ACCEPTED_COLUMNS)
            session.execute(statement.values(values), execution_options=options)
            continue
        without_take = statement.where(Scene.accepted_fingerprint.is_(None))
        finished = without_take.where(Scene.status.in_([SceneStatus.RENDERED, SceneStatus.FINAL]))
        session.execute(finished.values(status=SceneStatus.DRAFT, video_path=None), execution_options=options)
        session.execute(without_take.values(video_path=None), execution_options=options)


def _free_swapped_names(
    session: Session, branch: Branch, kind: Kind, updates: Mapping[uuid.UUID, tuple[Fields, Fields]]
) -> None:
    """Give rows that swap unique names temporary ones, as PostgreSQL checks the unique index row by row."""
    shape = KIND_SPECS[kind]
    if not shape.unique or shape.numbered:
        return
    names = {key: (pair[0][shape.name_field], pair[1][shape.name_field]) for key, pair in updates.items()}
    renamed = {key: name_key(before) for key, (before, after) in names.items() if before != after}
    new_names = {name_key(names[key][1]) for key in renamed}
    if len(renamed) > 1 and new_names & set(renamed.values()):
        statement = f"update {_table(KIND_SPECS[kind].row).fullname} set {shape.name_field} = key::text"
        condition = " where branch_id = :branch_id and key = any(:keys)"
        session.execute(text(statement + condition), {**_branch_parameter(branch), "keys": list(renamed)})


def _delete(session: Session, branch: Branch, kind: Kind, keys: Sequence[uuid.UUID]) -> None:
    if not keys:
        return
    table = _table(KIND_SPECS[kind].row)
    deleted: Any = session.execute(delete(table).where(table.c.branch_id == branch.id, table.c.key.in_(keys)))
    _check_count(branch, kind, deleted.rowcount, len(keys))


def _check_count(branch: Branch, kind: Kind, count: int, expected: int) -> None:
    if count != expected:
        raise DamagedHistoryError(
            f"The rows of {kind.value} on {branch.name!r} do not match its head: run `tower fsck` to list them"
        )


def _columns(kind: Kind) -> list[tuple[str, str]]:
    """Return (attribute, column) of each content field. They differ if SQLAlchemy reserves the column's name."""
    columns = get_mapper(kind).columns
    return [(name, columns[name].name) for name in field_specs(kind)]


def _rows_json(kind: Kind, rows: Mapping[uuid.UUID, Fields]) -> str:
    columns = _columns(kind)
    return json.dumps(
        [{"key": str(key), **{column: fields[name] for name, column in columns}} for key, fields in rows.items()]
    )


def _table(row: type[Base]) -> Table:
    table = class_mapper(row).local_table
    if not isinstance(table, Table):
        raise TypeError(f"{row} is not mapped to a table")
    return table


def _branch_parameter(branch: Branch) -> dict[str, Any]:
    return {"branch_id": branch.id}


def _expire(session: Session, branch: Branch, kinds: set[Kind]) -> None:
    """Expire the branch's rows in the session, so that the next access reads them again."""
    classes = tuple(KIND_SPECS[kind].row for kind in kinds)
    for row in list(session.identity_map.values()):
        if isinstance(row, classes) and instance_dict(row).get("branch_id") == branch.id:
            session.expire(row)


@contextmanager
def _translate_integrity_errors(branch: Branch) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        name = str(getattr(diagnosis, "constraint_name", ""))
        found = re.search(r"\)=\(\d+, (?:[0-9a-f-]{36}, )?(.*)\) ", str(getattr(diagnosis, "message_detail", "")))
        value = found.group(1) if found else "this"
        thing = str(getattr(diagnosis, "table_name", "row")).rstrip("s").replace("_", " ")
        if name.startswith("uq_"):
            raise ConflictError(
                f"Branch {branch.name!r} already has the {thing} {value!r}: choose another name or number",
                details={"branch": branch.name, "taken": value, "in": getattr(diagnosis, "table_name", None)},
            ) from error
        if name.startswith("fk_"):
            raise InvalidError(
                f"The {thing} refers to {value}, which is not on branch {branch.name!r}: create that first",
                details={"field": name, "value": value, "expected": "the key of something on the branch"},
            ) from error
        raise
