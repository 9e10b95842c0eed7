"""Convert lines of an archive to rows of a new project: line numbers become new ids of this database."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tower.archives.format import ArchiveError, parse_json
from tower.archives.media_in import MediaImporter
from tower.archives.tables import (
    ARCHIVED_TABLES,
    ASSETS,
    NEW_UUID,
    PROJECTS,
    ROW_KEY,
    SCENES,
    TABLES_BY_NAME,
    ArchivedTable,
    foreign_keys,
)
from tower.errors.codes import ErrorCode

BATCH_ROWS = 500  # rows
NAMES_BY_MEMBER = {table.member: table.name for table in ARCHIVED_TABLES}
Row = dict[str, Any]


class RowImporter:
    """Writes the rows of one project, table by table in the order of `ARCHIVED_TABLES`.

    `resolve_forward_references` sets forward references.
    """

    def __init__(self, session: Session, media: MediaImporter) -> None:
        self._session = session
        self._media = media
        self._ids: dict[str, list[int]] = defaultdict(list)
        self._forward_references: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
        self._done: set[str] = set()
        self._json_references: list[tuple[ArchivedTable, str, int, Any]] = []

    @property
    def project_id(self) -> int:
        return self._ids[PROJECTS][0]

    def write(self, archived: ArchivedTable, lines: Iterable[bytes]) -> int:
        """Write the rows of a table and return their count. Raises ArchiveError."""
        count, rest = 0, iter(lines)
        while part := list(islice(rest, BATCH_ROWS)):
            rows = [self._parse_row(archived, text_of) for text_of in part]
            if archived.name == PROJECTS and count + len(rows) > 1:
                raise ArchiveError("The archive is damaged: it holds more than one project")
            ids = self._allocate_ids(archived, len(rows))
            self._insert(
                archived, [self._convert(archived, row, row_id) for row, row_id in zip(rows, ids, strict=True)]
            )
            count += len(rows)
        self._done.add(archived.name)
        if archived.name == PROJECTS and not count:
            raise ArchiveError("The archive is damaged: it holds no project")
        return count

    def resolve_forward_references(self) -> None:
        for (table, column, target), pairs in self._forward_references.items():
            targets = [(row_id, self._find_id(target, number, table)) for row_id, number in pairs]
            self._session.execute(
                text(
                    f"update {table} t set {column} = n.target"
                    " from unnest(cast(:ids as bigint[]), cast(:targets as bigint[])) as n(id, target)"
                    " where t.id = n.id"
                ),
                {"ids": [row_id for row_id, _ in targets], "targets": [target_id for _, target_id in targets]},
            )
        for archived, column, row_id, value in self._json_references:
            self._session.execute(
                text(f"update {archived.name} set {column} = cast(:value as jsonb) where id = :id"),
                {"value": json.dumps(self._insert_ids(value, archived.member)), "id": row_id},
            )

    def _parse_row(self, archived: ArchivedTable, text_of: bytes) -> Row:
        row = parse_json(text_of, f"a row of {archived.member}")
        if not isinstance(row, dict):
            raise ArchiveError(f"The archive is damaged: a row of {archived.member} is not an object")
        allowed = {column.name for column in archived.table.columns} - {"id", "project_id"} - archived.excluded_columns
        if unknown := sorted(row.keys() - allowed):
            raise ArchiveError(
                f"The archive has {unknown[0][:60]!r} in {archived.member}, unknown to this Tower: it is newer",
                code=ErrorCode.ARCHIVE_VERSION,
            )
        return row

    def _convert(self, archived: ArchivedTable, row: Row, row_id: int | None) -> Row:
        new = dict(row)
        for name, target in foreign_keys(archived.name).items():
            number = new.get(name)
            if number is not None and target not in self._done and target != archived.name:
                new[name] = None
                self._forward_references[archived.name, name, target].append((row_id or 0, number))
            elif number is not None:
                new[name] = self._find_id(target, number, archived.member)
        for name in archived.json_id_columns & new.keys():
            if row_id is not None and ROW_KEY in json.dumps(new[name]):
                self._json_references.append((archived, name, row_id, new[name]))
        for name in archived.file_columns & new.keys():
            new[name] = self._file_path(archived, row, name)
        for name, value in archived.import_values.items():
            new[name] = str(uuid.uuid4()) if value == NEW_UUID else value
        if row_id is not None:
            new["id"] = row_id
        if "project_id" in archived.table.columns:
            new["project_id"] = self.project_id
        return new

    def _file_path(self, archived: ArchivedTable, row: Row, name: str) -> str | None:
        """Return the future path of a file.

        A plain path is accepted only for content, which the history check covers.
        """
        value = row[name]
        if value is None:
            return None
        if isinstance(value, dict):
            place = self._media.import_path if name == "audio_path" else self._media.render_path
            path = place(value.get("file"), value.get("suffix"))
            if archived.name == ASSETS and value.get("file") != row.get("sha256"):
                raise ArchiveError("The archive is damaged: the file of an asset does not match the asset")
            return str(path)
        if archived.name == SCENES and row.get("accepted_fingerprint") is None and isinstance(value, str):
            return value
        if name == "audio_path" and isinstance(value, str):
            self._media.check_path(value)
            return value
        raise ArchiveError(f"The archive is damaged: {archived.member} refers to a file by its path")

    def _insert_ids(self, value: Any, what: str) -> Any:
        if isinstance(value, list):
            return [self._insert_ids(part, what) for part in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {ROW_KEY}:
            match value[ROW_KEY]:
                case [str(member), number] if member in NAMES_BY_MEMBER:
                    return self._find_id(NAMES_BY_MEMBER[member], number, what)
            raise ArchiveError(f"The archive is damaged: {what} refers to an unknown table")
        return {name: self._insert_ids(part, what) for name, part in value.items()}

    def _find_id(self, table: str, number: Any, what: str) -> int:
        ids = self._ids[table]
        if type(number) is not int or not 1 <= number <= len(ids):
            raise ArchiveError(
                f"The archive is damaged: {what} refers to row {str(number)[:20]} of {TABLES_BY_NAME[table].member},"
                " which does not exist"
            )
        return ids[number - 1]

    def _allocate_ids(self, archived: ArchivedTable, count: int) -> Iterator[int | None]:
        """Yield new ids for `count` rows in rising order; None for each row if the table has no ids."""
        if "id" not in archived.table.columns:
            return iter([None] * count)
        query = text("select nextval(pg_get_serial_sequence(:table, 'id')) from generate_series(1, :count)")
        ids = sorted(self._session.scalars(query, {"table": archived.name, "count": count}))
        self._ids[archived.name] += ids
        return iter(ids)

    def _insert(self, archived: ArchivedTable, rows: list[Row]) -> None:
        columns = rows[0].keys()
        if any(row.keys() != columns for row in rows):
            raise ArchiveError(f"The archive is damaged: the rows of {archived.member} have different columns")
        names = ", ".join(f'"{name}"' for name in columns)
        statement = (
            f"insert into {archived.name} ({names})"
            f" select {names} from jsonb_populate_recordset(null::{archived.name}, cast(:rows as jsonb))"
        )
        self._session.execute(text(statement), {"rows": json.dumps(rows)})
