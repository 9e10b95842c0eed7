"""Caches analyses by the content of the file, the version of the method and the hint, on disk and in a table.

Each copy restores the other if it is lost. A caller that asks for a file under analysis waits for its result: a lock on
a file excludes other threads and processes, and the system releases it when a process dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.beats import BeatAnalysis
from tower.beats.results import METHOD_VERSION, Analysis, TempoHint
from tower.errors import CancelledError, ConflictError
from tower.media.decode import open_regular_file
from tower.media.files import sha256_of_open, write_atomically
from tower.settings import Settings

POLL_S = 0.05  # between two tries of a waiting caller to get the lock
Analyser = Callable[[IO[bytes], TempoHint], Analysis]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedAnalysis:
    """An analysis. `from_cache`: it existed before the call. `analysis_s`: the time that it took when it was made."""

    analysis: Analysis
    sha256: str
    from_cache: bool
    analysis_s: float


@dataclass(frozen=True)
class Key:
    """What an analysis is kept by, beside the version of the method."""

    sha256: str
    hint: str

    def file(self, folder: Path, kind: str = "") -> Path:
        hinted = f".{hashlib.sha256(self.hint.encode()).hexdigest()[:16]}" if self.hint else ""
        return folder / self.sha256[:2] / f"{self.sha256}.{METHOD_VERSION}{hinted}{kind}.json"

    def lock(self, folder: Path) -> Path:
        return folder / "locks" / self.sha256[:2]

    def row(self, session: Session) -> BeatAnalysis | None:
        same = (
            BeatAnalysis.sha256 == self.sha256,
            BeatAnalysis.version == METHOD_VERSION,
            BeatAnalysis.hint == self.hint,
        )
        return session.scalar(select(BeatAnalysis).where(*same))


def cache_folder(settings: Settings) -> Path:
    return settings.data / "cache" / "beats"


def get_analysis(
    source: Path | IO[bytes],
    *,
    sessions: SessionFactory,
    folder: Path,
    analyser: Analyser,
    hint: TempoHint | None = None,
    force: bool = False,
    cancelled: threading.Event | None = None,
) -> CachedAnalysis:
    """Read the analysis of this file from the cache (file and row), or analyse it now. `force` skips the cache.

    Raises MediaUnreadableError if it cannot be read as sound, ConflictError if it changes meanwhile, CancelledError.
    """
    if isinstance(source, Path):
        with open_regular_file(source) as file:
            return get_analysis(
                file, sessions=sessions, folder=folder, hint=hint, analyser=analyser, force=force, cancelled=cancelled
            )
    hint = hint or TempoHint()
    before = state_of(source)
    key = Key(sha256_of_open(source), hint.key)
    if not force and (known := _kept(sessions, folder, key)):
        return known
    with alone(key.lock(folder), cancelled or threading.Event()):
        if not force and (known := _kept(sessions, folder, key)):
            return known
        began = time.perf_counter()
        source.seek(0)
        analysis = analyser(source, hint)
        seconds = time.perf_counter() - began
        if state_of(source) != before:
            raise ConflictError("The file changed during its analysis; ask again")
        _keep(sessions, folder, key, analysis, seconds)
    return CachedAnalysis(analysis, key.sha256, from_cache=False, analysis_s=seconds)


def find_cached(session: Session, sha256: str, hint: TempoHint | None = None) -> Analysis | None:
    """What is kept of this content, without listening; None if nothing is."""
    row = Key(sha256, (hint or TempoHint()).key).row(session)
    return Analysis.from_json(row.analysis) if row else None


def count_cached(session: Session) -> int:
    """The number of cached results of the current method."""
    return session.scalar(select(func.count()).where(BeatAnalysis.version == METHOD_VERSION)) or 0


def state_of(file: IO[bytes]) -> tuple[int, int]:
    """Differs once the file was written to: its size and time of change."""
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


@contextmanager
def alone(lock: Path, cancelled: threading.Event) -> Iterator[None]:
    """One at a time for this lock file; each opening of it is a holder of its own. Raises CancelledError."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if cancelled.wait(POLL_S):
                    raise CancelledError("The analysis was cancelled") from None
        yield


def _kept(sessions: SessionFactory, folder: Path, key: Key) -> CachedAnalysis | None:
    """From the disk or the table; what only one of them has is put into the other."""
    path = key.file(folder)
    on_disk = _read(path)
    with sessions.begin() as session:
        row = key.row(session)
        if row is None:
            if on_disk is None:
                return None
            row = _written(session, key, Analysis.from_json(on_disk["analysis"]), on_disk["seconds"])
        found = CachedAnalysis(Analysis.from_json(row.analysis), key.sha256, from_cache=True, analysis_s=row.seconds)
    if on_disk is None:
        _write(path, found.analysis, found.analysis_s)
    return found


def _keep(sessions: SessionFactory, folder: Path, key: Key, analysis: Analysis, seconds: float) -> None:
    _write(key.file(folder), analysis, seconds)
    with sessions.begin() as session:
        _written(session, key, analysis, seconds)


def _written(session: Session, key: Key, analysis: Analysis, seconds: float) -> BeatAnalysis:
    values = {
        "bpm": analysis.bpm,
        "confidence": analysis.confidence,
        "duration_s": analysis.duration_s,
        "analysis": analysis.as_json(),
        "seconds": seconds,
    }
    made = insert(BeatAnalysis).values(sha256=key.sha256, version=METHOD_VERSION, hint=key.hint, **values)
    same = [BeatAnalysis.sha256, BeatAnalysis.version, BeatAnalysis.hint]
    upsert = made.on_conflict_do_update(index_elements=same, set_=values).returning(BeatAnalysis)
    return session.scalars(upsert, execution_options={"populate_existing": True}).one()


def _write(path: Path, analysis: Analysis, seconds: float) -> None:
    with write_atomically(path) as part:
        part.write_text(json.dumps({"analysis": analysis.as_json(), "seconds": seconds}))


def _read(path: Path) -> dict[str, Any] | None:
    """The cached analysis; None for a missing or incomplete file."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
        Analysis.from_json(kept["analysis"])
        float(kept["seconds"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as broken:
        log.warning("%s is no kept analysis: %s", path, broken)
        return None
    return kept
