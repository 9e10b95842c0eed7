"""Convert the rows of a project to lines of an archive: ids become line numbers, file paths become hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tower.archives.format import archived_suffix, encode_line
from tower.archives.media_out import MediaExporter
from tower.archives.tables import (
    ARCHIVED_TABLES,
    ASSETS,
    CHARACTERS,
    IDS_IN_JSON,
    JOBS,
    ROW_KEY,
    SCENES,
    SELECT_ASSETS,
    SELECT_JOBS,
    TABLES_BY_NAME,
    ArchivedTable,
    foreign_keys,
    primary_key_order,
)

BATCH_ROWS = 500  # rows
Row = dict[str, Any]


@dataclass(frozen=True)
class TakeFile:
    path: str
    sha256: str
    size: int


class RowExporter:
    """The rows of a project that are archived, read from one snapshot of the database."""

    def __init__(self, session: Session, project_id: int, media: MediaExporter) -> None:
        self._session = session
        self._media = media
        self._parameters: dict[str, Any] = {"project_id": project_id}
        self._parameters["assets"] = self._ids(SELECT_ASSETS)
        self._parameters["jobs"] = self._ids(SELECT_JOBS)
        self._numbers = {
            table.name: self._number_rows(table) for table in ARCHIVED_TABLES if "id" in table.table.columns
        }
        self._takes = self._select_takes()
        self._by_path = {take.path: take for take in self._takes}

    @property
    def takes(self) -> Sequence[TakeFile]:
        return self._takes

    def lines(self, archived: ArchivedTable) -> Iterator[bytes]:
        query = text(
            f"select to_jsonb(t) from {archived.name} t where {archived.where} "
            f"order by {primary_key_order(archived.table)}"
        )
        found = self._session.scalars(query, self._parameters, execution_options={"yield_per": BATCH_ROWS})
        for row in found:
            yield encode_line(self._convert(archived, row))

    def _convert(self, archived: ArchivedTable, row: Row) -> Row:
        for name in ("id", "project_id", *archived.excluded_columns):
            row.pop(name, None)
        for name, target in foreign_keys(archived.name).items():
            if name in row:
                row[name] = self._number(target, row[name])
        if archived.name == JOBS:
            row["steps"] = self._convert_steps(row["steps"])
        for name in archived.json_id_columns & row.keys():
            row[name] = self._replace_ids(row[name])
        for name in archived.file_columns & row.keys():
            row[name] = self._convert_file(archived, row, name)
        _reset_state(archived, row)
        return row

    def _convert_file(self, archived: ArchivedTable, row: Row, name: str) -> Any:
        """Return a reference to the file, the path itself if it is content, or None if the file is unknown."""
        path = row[name]
        if path is None:
            return None
        if archived.name == ASSETS:
            return {"file": row["sha256"], "suffix": archived_suffix(path)}
        if archived.name == SCENES and row["accepted_fingerprint"] is None:
            return path
        if name == "audio_path":
            return self._media.add_reference(path)
        take = self._by_path.get(path)
        return {"file": take.sha256, "suffix": archived_suffix(path)} if take else None

    def _convert_steps(self, steps: Row) -> Row:
        """Return the steps of a finished job that are used later: its scene, cast and mood."""
        kept: Row = {name: steps[name] for name in ("scene", "cast", "mood") if name in steps}
        if "mood" in kept:
            kept["mood"] = kept["mood"] | {"track": None}
        if "cast" in kept:
            cast = kept["cast"]
            known = [row | {"id": self._row_reference(CHARACTERS, row["id"])} for row in cast.get("known", ())]
            members = [member | {"reference_image": None} for member in cast.get("members", ())]
            kept["cast"] = cast | {"members": members, "known": [row for row in known if row["id"] is not None]}
        return kept

    def _replace_ids(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._replace_ids(part) for part in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._row_reference(IDS_IN_JSON[name], part) if name in IDS_IN_JSON else self._replace_ids(part)
            for name, part in value.items()
        }

    def _row_reference(self, table: str | None, value: Any) -> Any:
        if table is None:
            return None
        if isinstance(value, list):
            rows = [self._row_reference(table, part) for part in value]
            return [row for row in rows if row is not None]
        if isinstance(value, dict):
            return value  # an object that an earlier import left, about a row that was not archived
        number = self._number(table, value) if isinstance(value, int) else None
        return None if number is None else {ROW_KEY: [TABLES_BY_NAME[table].member, number]}

    def _number(self, table: str, row_id: int | None) -> int | None:
        return None if row_id is None else self._numbers.get(table, {}).get(row_id)

    def _number_rows(self, archived: ArchivedTable) -> Mapping[int, int]:
        found = self._ids(f"select t.id from {archived.name} t where {archived.where} order by t.id")
        return {row_id: number for number, row_id in enumerate(found, start=1)}

    def _ids(self, query: str) -> list[int]:
        return list(self._session.scalars(text(query), self._parameters))

    def _select_takes(self) -> list[TakeFile]:
        query = text(f"select path, sha256, bytes from {ASSETS} where id = any(:assets) order by id")
        return [TakeFile(*row) for row in self._session.execute(query, self._parameters)]


def _reset_state(archived: ArchivedTable, row: Row) -> None:
    """Reset states that do not hold for a copy: published, accepted or running without the file or run."""
    match archived.member:
        case "episodes":
            row["status"] = "completed" if row["status"] == "published" else row["status"]
            if row["status"] in ("completed", "processing") and row["video_path"] is None:
                row["status"] = "draft"
        case "scenes" if row["accepted_fingerprint"] is not None and row["video_path"] is None:
            row |= {"accepted_asset_id": None, "accepted_fingerprint": None, "accepted_inputs": None}
            row["status"] = "draft" if row["status"] in ("rendered", "final") else row["status"]
        case "production_schedule" if row["state"] == "started":
            row["state"] = "cancelled"
