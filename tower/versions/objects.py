"""The content-addressed objects of one project: read in batches, written once, never changed."""

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
from tower.versions.object_cache import REMEMBERED, Remembered
from tower.versions.values import encoded

INSERT = (  # what Objects.storing hands out
    "insert into anime_api.version_objects (project_id, hash, kind, content)"
    " select :project_id, t.hash, t.kind, t.content"
    " from unnest(cast(:hashes as text[]), cast(:kinds as text[]), cast(:contents as bytea[]))"
    " as t(hash, kind, content)"
    " on conflict do nothing"
)
_STORE = text(INSERT)

_SELECT = text(  # one statement for any number of them, so that it is prepared
    "select hash, content from anime_api.version_objects where project_id = :project_id and hash = any(:hashes)"
)


class DamagedHistoryError(TowerError):
    """What a commit points at is not there, or the rows are not what the commit says."""

    code = ErrorCode.HISTORY_DAMAGED
    status = 500


def address(kind: ObjectKind, content: bytes) -> str:
    """The sha256 of kind and content, in hex."""
    return hashlib.sha256(kind.value.encode() + b"\0" + content).hexdigest()


class Objects:
    """A window on the objects of a project, for one piece of work. What it hands out must not be changed."""

    def __init__(self, session: Session, project_id: int, *, remembered: Remembered | None = REMEMBERED) -> None:
        """Without `remembered` all is read from the database."""
        self._session = session
        self._project_id = project_id
        self._remembered = Remembered(0) if remembered is None else remembered
        self._known: dict[str, Any] = {}
        self._stored: set[str] = set()
        self.pending: dict[str, tuple[ObjectKind, bytes]] = {}

    def load(self, hashes: Iterable[str]) -> None:
        """All of them, with one query at most. Raises DamagedHistoryError if one is missing or cannot be read."""
        if wanted := self._unknown(hashes):
            self.read(_SELECT, hashes=list(wanted))
        if missing := wanted - self._known.keys():
            raise DamagedHistoryError(f"The version object {min(missing)} is missing: `tower fsck` says what else is")

    def at_hand(self, hashes: Iterable[str]) -> bool:
        """Whether `load` would ask nobody for them."""
        return not self._unknown(hashes)

    def read(self, statement: TextClause, **asked: Any) -> None:
        """What a statement finds, as hash and content, which :project_id narrows to this project."""
        rows = self._session.execute(statement, {"project_id": self._project_id, **asked})
        found = {row.hash: bytes(row.content) for row in rows}
        for sha256, content in found.items():
            self._known[sha256] = _parsed(sha256, content)
        self._stored |= found.keys()
        self._remembered.add(self._project_id, found)

    def get(self, sha256: str) -> Any:
        if sha256 not in self._known:
            self.load([sha256])
        return self._known[sha256]

    def put(self, kind: ObjectKind, value: Any) -> str:
        """The address of `value`; it is written by the next `store`, unless it is there."""
        content = encoded(value)
        sha256 = address(kind, content)
        self._known[sha256] = value
        if sha256 not in self._stored:
            self.pending[sha256] = (kind, content)
        return sha256

    def store(self) -> None:
        """Write what was put."""
        if self.pending:
            with self.storing() as waiting:
                self._session.execute(_STORE, waiting)

    @contextmanager
    def storing(self) -> Iterator[dict[str, Any]]:
        """What was put, as INSERT takes it, which is executed inside.

        In the order of the hashes: two writers of the same objects wait, and do not deadlock.
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

    def forget_unstored(self) -> None:
        """Never write what was put until now; it can still be read here. For states that only a merge needs."""
        self.pending.clear()

    def _unknown(self, hashes: Iterable[str]) -> set[str]:
        """Those that are not in memory; what is remembered from earlier work is taken over."""
        wanted = set(hashes) - self._known.keys()
        for sha256, content in self._remembered.known(self._project_id, wanted).items():
            self._known[sha256] = _parsed(sha256, content)  # not `_stored`: that is only what the database has
        return wanted - self._known.keys()


def _parsed(sha256: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise DamagedHistoryError(
            f"The version object {sha256} cannot be read: `tower fsck` says what else is damaged"
        ) from error
