"""Lines of an archive made rows of a new project: line numbers become the ids that this database gives."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tower.archives.format import ArchiveError, parsed
from tower.archives.media_in import MediaIn
from tower.archives.tables import ASSETS, BY_NAME, CARRIED, NEW_UUID, PROJECTS, ROW, SCENES, Carried, references
from tower.errors.codes import ErrorCode

AT_ONCE = 500
BY_MEMBER = {one.member: one.name for one in CARRIED}
Row = dict[str, Any]


class RowsIn:
    """Writes the rows of one project, table by table in the order of `CARRIED`; `finish` ties what pointed ahead."""

    def __init__(self, session: Session, media: MediaIn) -> None:
        self._session = session
        self._media = media
        self._ids: dict[str, list[int]] = defaultdict(list)
        self._later: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
        self._done: set[str] = set()
        self._json_later: list[tuple[Carried, str, int, Any]] = []

    @property
    def project_id(self) -> int:
        return self._ids[PROJECTS][0]

    def write(self, one: Carried, lines: Iterable[bytes]) -> int:
        """How many rows there were. Raises ArchiveError."""
        count, rest = 0, iter(lines)
        while part := list(islice(rest, AT_ONCE)):
            rows = [self._object(one, text_of) for text_of in part]
            if one.name == PROJECTS and count + len(rows) > 1:
                raise ArchiveError("The archive is damaged: it holds more than one project")
            ids = self._numbered(one, len(rows))
            self._insert(one, [self._row(one, row, row_id) for row, row_id in zip(rows, ids, strict=True)])
            count += len(rows)
        self._done.add(one.name)
        if one.name == PROJECTS and not count:
            raise ArchiveError("The archive is damaged: it holds no project")
        return count

    def finish(self) -> None:
        for (table, column, target), pairs in self._later.items():
            given = [(row_id, self._id(target, number, table)) for row_id, number in pairs]
            self._session.execute(
                text(
                    f"update {table} t set {column} = n.target"
                    " from unnest(cast(:ids as bigint[]), cast(:targets as bigint[])) as n(id, target)"
                    " where t.id = n.id"
                ),
                {"ids": [row_id for row_id, _ in given], "targets": [target_id for _, target_id in given]},
            )
        for one, column, row_id, value in self._json_later:
            self._session.execute(
                text(f"update {one.name} set {column} = cast(:value as jsonb) where id = :id"),
                {"value": json.dumps(self._with_ids(value, one.member)), "id": row_id},
            )

    def _object(self, one: Carried, text_of: bytes) -> Row:
        row = parsed(text_of, f"a row of {one.member}")
        if not isinstance(row, dict):
            raise ArchiveError(f"The archive is damaged: a row of {one.member} is no object")
        allowed = {column.name for column in one.table.columns} - {"id", "project_id"} - one.left_out
        if unknown := sorted(row.keys() - allowed):
            raise ArchiveError(
                f"The archive says {unknown[0][:60]!r} of {one.member}, which this Tower does not know: it is newer",
                code=ErrorCode.ARCHIVE_VERSION,
            )
        return row

    def _row(self, one: Carried, row: Row, row_id: int | None) -> Row:
        made = dict(row)
        for name, target in references(one.name).items():
            number = made.get(name)
            if number is not None and target not in self._done and target != one.name:
                made[name] = None
                self._later[one.name, name, target].append((row_id or 0, number))
            elif number is not None:
                made[name] = self._id(target, number, one.member)
        for name in one.numbered_json & made.keys():
            if row_id is not None and ROW in json.dumps(made[name]):
                self._json_later.append((one, name, row_id, made[name]))
        for name in one.files & made.keys():
            made[name] = self._file(one, row, name)
        for name, value in one.given.items():
            made[name] = str(uuid.uuid4()) if value == NEW_UUID else value
        if row_id is not None:
            made["id"] = row_id
        if "project_id" in one.table.columns:
            made["project_id"] = self.project_id
        return made

    def _file(self, one: Carried, row: Row, name: str) -> str | None:
        """Where the file will lie. A bare path is taken only where it is content, which is checked with the history."""
        value = row[name]
        if value is None:
            return None
        if isinstance(value, dict):
            place = self._media.import_at if name == "audio_path" else self._media.render_at
            path = place(value.get("file"), value.get("suffix"))
            if one.name == ASSETS and value.get("file") != row.get("sha256"):
                raise ArchiveError("The archive is damaged: the file of an asset is not what the asset says")
            return str(path)
        if one.name == SCENES and row.get("accepted_fingerprint") is None and isinstance(value, str):
            return value
        if name == "audio_path" and isinstance(value, str):
            self._media.refuse_outside(value)
            return value
        raise ArchiveError(f"The archive is damaged: {one.member} names a file by its place")

    def _with_ids(self, value: Any, what: str) -> Any:
        if isinstance(value, list):
            return [self._with_ids(part, what) for part in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {ROW}:
            match value[ROW]:
                case [str(member), number] if member in BY_MEMBER:
                    return self._id(BY_MEMBER[member], number, what)
            raise ArchiveError(f"The archive is damaged: {what} refers to nothing")
        return {name: self._with_ids(part, what) for name, part in value.items()}

    def _id(self, table: str, number: Any, what: str) -> int:
        ids = self._ids[table]
        if type(number) is not int or not 1 <= number <= len(ids):
            raise ArchiveError(
                f"The archive is damaged: {what} refers to row {str(number)[:20]} of {BY_NAME[table].member},"
                " which is not there"
            )
        return ids[number - 1]

    def _numbered(self, one: Carried, count: int) -> Iterator[int | None]:
        """New ids for so many rows, rising; None for each row of a table that has none."""
        if "id" not in one.table.columns:
            return iter([None] * count)
        wanted = text("select nextval(pg_get_serial_sequence(:table, 'id')) from generate_series(1, :count)")
        ids = sorted(self._session.scalars(wanted, {"table": one.name, "count": count}))
        self._ids[one.name] += ids
        return iter(ids)

    def _insert(self, one: Carried, rows: list[Row]) -> None:
        columns = rows[0].keys()
        if any(row.keys() != columns for row in rows):
            raise ArchiveError(f"The archive is damaged: the rows of {one.member} are not alike")
        names = ", ".join(f'"{name}"' for name in columns)
        statement = (
            f"insert into {one.name} ({names})"
            f" select {names} from jsonb_populate_recordset(null::{one.name}, cast(:rows as jsonb))"
        )
        self._session.execute(text(statement), {"rows": json.dumps(rows)})
