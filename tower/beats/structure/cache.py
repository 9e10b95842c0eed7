"""Caches the structure of a track beside its beats: in a file next to theirs, and in columns of their row."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy.orm import Session

from db.engine import SessionFactory
from tower.beats.cache import CachedAnalysis, Key, alone, state_of
from tower.beats.results import Analysis, TempoHint
from tower.beats.structure.results import STRUCTURE_VERSION, Structure
from tower.errors import ConflictError
from tower.media.files import write_atomically

BoundStructureFinder = Callable[[IO[bytes], Analysis], Structure]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedStructure:
    """A structure. `from_cache`: it was found earlier. `seconds`: how long the analysis took."""

    structure: Structure
    from_cache: bool
    seconds: float


def find_cached_structure(
    file: IO[bytes],
    beats: CachedAnalysis,
    *,
    hint: TempoHint,
    sessions: SessionFactory,
    folder: Path,
    finder: BoundStructureFinder,
    force: bool = False,
    cancelled: threading.Event,
) -> CachedStructure:
    """Read the structure of a file with known beats from the cache, or find it now.

    Raises the errors of `finder`, ConflictError if the file changes meanwhile, CancelledError.
    """
    before = state_of(file)
    key = Key(beats.sha256, hint.key)
    if not force and (kept := _read_cached(sessions, folder, key)):
        return kept
    with alone(key.lock(folder), cancelled):
        if not force and (kept := _read_cached(sessions, folder, key)):
            return kept
        began = time.perf_counter()
        file.seek(0)
        found = finder(file, beats.analysis)
        seconds = time.perf_counter() - began
        if state_of(file) != before:
            raise ConflictError("The file changed during its analysis; ask again")
        _write(_file(key, folder), found, seconds)
        with sessions.begin() as session:
            _write_row(session, key, found, seconds)
    return CachedStructure(found, from_cache=False, seconds=seconds)


def read_structure(session: Session, sha256: str, hint: TempoHint | None = None) -> Structure | None:
    """Read the cached structure of this content; None if there is none of this version."""
    row = Key(sha256, (hint or TempoHint()).key).row(session)
    if row is None or row.structure is None or row.structure_version != STRUCTURE_VERSION:
        return None
    return Structure.from_json(row.structure)


def _read_cached(sessions: SessionFactory, folder: Path, key: Key) -> CachedStructure | None:
    """Read from the disk or the row, and write to the other if only one of them has it."""
    path = _file(key, folder)
    on_disk = _read(path)
    with sessions.begin() as session:
        row = key.row(session)
        there = row is not None and row.structure is not None and row.structure_version == STRUCTURE_VERSION
        if row is not None and row.structure is not None and there:
            found = CachedStructure(
                Structure.from_json(row.structure), from_cache=True, seconds=row.structure_seconds or 0
            )
        elif on_disk is not None:
            found = on_disk
            _write_row(session, key, found.structure, found.seconds)
        else:
            return None
    if on_disk is None:
        _write(path, found.structure, found.seconds)
    return found


def _file(key: Key, folder: Path) -> Path:
    return key.file(folder, f".structure-{STRUCTURE_VERSION}")


def _write_row(session: Session, key: Key, found: Structure, seconds: float) -> None:
    row = key.row(session)
    if row is not None:
        row.structure, row.structure_version, row.structure_seconds = found.as_json(), STRUCTURE_VERSION, seconds


def _write(path: Path, found: Structure, seconds: float) -> None:
    with write_atomically(path) as part:
        part.write_text(json.dumps({"structure": found.as_json(), "seconds": seconds}, allow_nan=False))


def _read(path: Path) -> CachedStructure | None:
    """None for a file that is missing or damaged."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
        return CachedStructure(Structure.from_json(kept["structure"]), from_cache=True, seconds=float(kept["seconds"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as broken:
        log.warning("Cannot read the cached structure %s: %s", path, broken)
        return None
