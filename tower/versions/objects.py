"""The content-addressed objects of one project. They are read in batches, written once and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from db.models.versions import ObjectKind
from tower.errors import TowerError
from tower.errors.codes import ErrorCode
from tower.versions.object_cache import PROCESS_CACHE, ObjectCache
from tower.versions.values import encode_canonical

INSERT_OBJECTS = (  # its parameters come from Objects.storing
    "insert into anime_api.version_objects (project_id, hash, kind, content)"
    " select :project_id, t.hash, t.kind, t.content"
    " from unnest(cast(:hashes as text[]), cast(:kinds as text[]), cast(:contents as bytea[]))"
    " as t(hash, kind, content)"
    " on conflict do nothing"
)
_INSERT = text(INSERT_OBJECTS)

_SELECT = text(  # the same statement for any number of hashes, so that PostgreSQL prepares it once
    "select hash, content from anime_api.version_objects where project_id = :project_id and hash = any(:hashes)"
)


class DamagedHistoryError(TowerError):
    """An object that a commit refers to is missing, or the rows of a branch do not match its head."""

    code = ErrorCode.HISTORY_DAMAGED
    status = 500


def object_hash(kind: ObjectKind, content: bytes) -> str:
    """Return the sha256 of kind and content, in hex."""
    return hashlib.sha256(kind.value.encode() + b"\0" + content).hexdigest()


class ObjectStore:
    """Reads and writes the objects of a project in one transaction. Callers must not change the values it returns."""

    def __init__(self, session: Session, project_id: int, *, cache: ObjectCache | None = PROCESS_CACHE) -> None:
        """With `cache` None every object is read from the database."""
        self._session = session
        self._project_id = project_id
        self._remembered = ObjectCache(0) if cache is None else cache
        self._known: dict[str, Any] = {}
        self._stored: set[str] = set()
        self.pending: dict[str, tuple[ObjectKind, bytes]] = {}

    def load(self, hashes: Iterable[str]) -> None:
        """Load all of these objects with at most one query.

        Raises DamagedHistoryError if an object is missing or cannot be parsed.
        """
        if unknown := self._unknown(hashes):
            self.load_from(_SELECT, hashes=list(unknown))
        if missing := unknown - self._known.keys():
            raise DamagedHistoryError(
                f"The version object {min(missing)} is missing: run `tower fsck` to list all damage"
            )

    def are_cached(self, hashes: Iterable[str]) -> bool:
        """Whether `load` would need no query for these objects."""
        return not self._unknown(hashes)

    def load_from(self, statement: TextClause, **parameters: Any) -> None:
        """Load the objects that a statement selects as (hash, content); it filters by `:project_id`."""
        rows = self._session.execute(statement, {"project_id": self._project_id, **parameters})
        found = {row.hash: bytes(row.content) for row in rows}
        for sha256, content in found.items():
            self._known[sha256] = _parse_object(sha256, content)
        self._stored |= found.keys()
        self._remembered.add(self._project_id, found)

    def get(self, sha256: str) -> Any:
        if sha256 not in self._known:
            self.load([sha256])
        return self._known[sha256]

    def put(self, kind: ObjectKind, value: Any) -> str:
        """Return the hash of `value`, and let the next `store` write it unless the database is known to have it."""
        content = encode_canonical(value)
        sha256 = object_hash(kind, content)
        self._known[sha256] = value
        if sha256 not in self._stored:
            self.pending[sha256] = (kind, content)
        return sha256

    def store(self) -> None:
        """Write the pending objects."""
        if self.pending:
            with self.pending_insert() as parameters:
                self._session.execute(_INSERT, parameters)

    @contextmanager
    def pending_insert(self) -> Iterator[dict[str, Any]]:
        """Yield the pending objects as parameters of INSERT_OBJECTS, which the caller executes in the `with` block.

        They are sorted by hash, so two writers of the same objects wait for each other instead of deadlocking.
        """
        rows = sorted(self.pending.items())
        yield {
            "project_id": self._project_id,
            "hashes": [sha256 for sha256, _ in rows],
            "kinds": [kind.value for _, (kind, _) in rows],
            "contents": [content for _, (_, content) in rows],
        }
        self._stored.update(self.pending)
        self._remembered.add(self._project_id, {sha256: content for sha256, (_, content) in rows})
        self.pending.clear()

    def discard_pending(self) -> None:
        """Drop the pending objects; they can still be read here. Used for states that exist only during a merge."""
        self.pending.clear()

    def _unknown(self, hashes: Iterable[str]) -> set[str]:
        """Return the hashes that are neither loaded nor cached. Cached objects become loaded."""
        missing = set(hashes) - self._known.keys()
        for sha256, content in self._remembered.get_many(self._project_id, missing).items():
            self._known[sha256] = _parse_object(
                sha256, content
            )  # not `_stored`: a cached object may have been rolled back
        return missing - self._known.keys()


def _parse_object(sha256: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise DamagedHistoryError(
            f"The version object {sha256} cannot be parsed: run `tower fsck` to list all damage"
        ) from error
