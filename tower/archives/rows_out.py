"""The rows of a project as lines of an archive: ids become line numbers, paths of files their hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tower.archives.format import line, suffix_of
from tower.archives.media_out import MediaOut
from tower.archives.tables import (
    ASSETS,
    BY_NAME,
    CARRIED,
    CHARACTERS,
    CHOSEN_ASSETS,
    CHOSEN_JOBS,
    IDS_IN_JSON,
    JOBS,
    ROW,
    SCENES,
    Carried,
    order_of,
    references,
)

AT_ONCE = 500
Row = dict[str, Any]


@dataclass(frozen=True)
class Take:
    path: str
    sha256: str
    size: int


class RowsOut:
    """What of a project is carried, in one snapshot of the database."""

    def __init__(self, session: Session, project_id: int, media: MediaOut) -> None:
        self._session = session
        self._media = media
        self._given: dict[str, Any] = {"project_id": project_id}
        self._given["assets"] = self._ids(CHOSEN_ASSETS)
        self._given["jobs"] = self._ids(CHOSEN_JOBS)
        self._numbers = {one.name: self._numbered(one) for one in CARRIED if "id" in one.table.columns}
        self._takes = self._chosen_takes()
        self._by_path = {take.path: take for take in self._takes}

    @property
    def takes(self) -> Sequence[Take]:
        return self._takes

    def lines(self, one: Carried) -> Iterator[bytes]:
        wanted = text(f"select to_jsonb(t) from {one.name} t where {one.where} order by {order_of(one.table)}")
        found = self._session.scalars(wanted, self._given, execution_options={"yield_per": AT_ONCE})
        for row in found:
            yield line(self._carried(one, row))

    def _carried(self, one: Carried, row: Row) -> Row:
        for name in ("id", "project_id", *one.left_out):
            row.pop(name, None)
        for name, target in references(one.name).items():
            if name in row:
                row[name] = self._number(target, row[name])
        if one.name == JOBS:
            row["steps"] = self._steps(row["steps"])
        for name in one.numbered_json & row.keys():
            row[name] = self._without_ids(row[name])
        for name in one.files & row.keys():
            row[name] = self._file(one, row, name)
        _settle(one, row)
        return row

    def _file(self, one: Carried, row: Row, name: str) -> Any:
        """A reference to a file; a path, where content says it; None where no file is known."""
        path = row[name]
        if path is None:
            return None
        if one.name == ASSETS:
            return {"file": row["sha256"], "suffix": suffix_of(path)}
        if one.name == SCENES and row["accepted_fingerprint"] is None:
            return path
        if name == "audio_path":
            return self._media.reference(path)
        take = self._by_path.get(path)
        return {"file": take.sha256, "suffix": suffix_of(path)} if take else None

    def _steps(self, steps: Row) -> Row:
        """What later work asks of a job that has ended: the scene that it drew, who is in it, its mood."""
        kept: Row = {name: steps[name] for name in ("scene", "cast", "mood") if name in steps}
        if "mood" in kept:
            kept["mood"] = kept["mood"] | {"track": None}
        if "cast" in kept:
            cast = kept["cast"]
            known = [one | {"id": self._row_for(CHARACTERS, one["id"])} for one in cast.get("known", ())]
            members = [member | {"reference_image": None} for member in cast.get("members", ())]
            kept["cast"] = cast | {"members": members, "known": [one for one in known if one["id"] is not None]}
        return kept

    def _without_ids(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._without_ids(part) for part in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._row_for(IDS_IN_JSON[name], part) if name in IDS_IN_JSON else self._without_ids(part)
            for name, part in value.items()
        }

    def _row_for(self, table: str | None, value: Any) -> Any:
        if table is None:
            return None
        if isinstance(value, list):
            rows = [self._row_for(table, part) for part in value]
            return [row for row in rows if row is not None]
        if isinstance(value, dict):
            return value  # imported before: it names what did not come along
        number = self._number(table, value) if isinstance(value, int) else None
        return None if number is None else {ROW: [BY_NAME[table].member, number]}

    def _number(self, table: str, row_id: int | None) -> int | None:
        return None if row_id is None else self._numbers.get(table, {}).get(row_id)

    def _numbered(self, one: Carried) -> Mapping[int, int]:
        found = self._ids(f"select t.id from {one.name} t where {one.where} order by t.id")
        return {row_id: number for number, row_id in enumerate(found, start=1)}

    def _ids(self, wanted: str) -> list[int]:
        return list(self._session.scalars(text(wanted), self._given))

    def _chosen_takes(self) -> list[Take]:
        wanted = text(f"select path, sha256, bytes from {ASSETS} where id = any(:assets) order by id")
        return [Take(*row) for row in self._session.execute(wanted, self._given)]


def _settle(one: Carried, row: Row) -> None:
    """Say only what is true of a copy: what is published, accepted or under way without its file or run is not."""
    match one.member:
        case "episodes":
            row["status"] = "completed" if row["status"] == "published" else row["status"]
            if row["status"] in ("completed", "processing") and row["video_path"] is None:
                row["status"] = "draft"
        case "scenes" if row["accepted_fingerprint"] is not None and row["video_path"] is None:
            row |= {"accepted_asset_id": None, "accepted_fingerprint": None, "accepted_inputs": None}
            row["status"] = "draft" if row["status"] in ("rendered", "final") else row["status"]
        case "production_schedule" if row["state"] == "started":
            row["state"] = "cancelled"
