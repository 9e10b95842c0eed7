"""The structure of a track is kept where its beats are: a file beside theirs, and columns of their row."""

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
from tower.beats.structure.results import VERSION, Structure
from tower.errors import ConflictError
from tower.media.files import write_atomically

Finder = Callable[[IO[bytes], Analysis], Structure]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KnownStructure:
    """`cached`: it was known before. `seconds`: that finding it took."""

    structure: Structure
    cached: bool
    seconds: float


def structured(
    file: IO[bytes],
    beats: CachedAnalysis,
    *,
    hint: TempoHint,
    sessions: SessionFactory,
    folder: Path,
    finder: Finder,
    force: bool = False,
    cancelled: threading.Event,
) -> KnownStructure:
    """The structure of a file whose beats are known, from the cache or found now.

    Raises what `finder` raises, ConflictError if the file changes meanwhile, CancelledError.
    """
    before = state_of(file)
    key = Key(beats.sha256, hint.key)
    if not force and (kept := _kept(sessions, folder, key)):
        return kept
    with alone(key.lock(folder), cancelled):
        if not force and (kept := _kept(sessions, folder, key)):
            return kept
        began = time.perf_counter()
        file.seek(0)
        found = finder(file, beats.analysis)
        seconds = time.perf_counter() - began
        if state_of(file) != before:
            raise ConflictError("The file changed while it was listened to; ask again")
        _write(_file(key, folder), found, seconds)
        with sessions.begin() as session:
            _write_row(session, key, found, seconds)
    return KnownStructure(found, cached=False, seconds=seconds)


def known_structure(session: Session, sha256: str, hint: TempoHint | None = None) -> Structure | None:
    """What is kept of this content, without listening; None if nothing is."""
    row = Key(sha256, (hint or TempoHint()).key).row(session)
    if row is None or row.structure is None or row.structure_version != VERSION:
        return None
    return Structure.from_json(row.structure)


def _kept(sessions: SessionFactory, folder: Path, key: Key) -> KnownStructure | None:
    """From the disk or the row; what only one of them has is put into the other."""
    path = _file(key, folder)
    on_disk = _read(path)
    with sessions.begin() as session:
        row = key.row(session)
        there = row is not None and row.structure is not None and row.structure_version == VERSION
        if row is not None and row.structure is not None and there:
            found = KnownStructure(Structure.from_json(row.structure), cached=True, seconds=row.structure_seconds or 0)
        elif on_disk is not None:
            found = on_disk
            _write_row(session, key, found.structure, found.seconds)
        else:
            return None
    if on_disk is None:
        _write(path, found.structure, found.seconds)
    return found


def _file(key: Key, folder: Path) -> Path:
    return key.file(folder, f".structure-{VERSION}")


def _write_row(session: Session, key: Key, found: Structure, seconds: float) -> None:
    row = key.row(session)
    if row is not None:
        row.structure, row.structure_version, row.structure_seconds = found.as_json(), VERSION, seconds


def _write(path: Path, found: Structure, seconds: float) -> None:
    with write_atomically(path) as part:
        part.write_text(json.dumps({"structure": found.as_json(), "seconds": seconds}, allow_nan=False))


def _read(path: Path) -> KnownStructure | None:
    """None for a file that is not there, or not whole."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
        return KnownStructure(Structure.from_json(kept["structure"]), cached=True, seconds=float(kept["seconds"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as broken:
        log.warning("%s is no kept structure: %s", path, broken)
        return None
