"""Remembers which films were made and how they look on the disk, so that an equal cut makes no work."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tower.media.files import write_atomically

if TYPE_CHECKING:
    from tower.assembly.film import AssemblyResult

KEPT = ("frames", "duration_s", "bytes", "lufs", "peak_dbtp", "sound_note")
COUNTS = ("clips_encoded", "clips_cached", "clips_as_they_are", "seams_encoded")


def find_unchanged(key: str, target: Path, folder: Path) -> dict[str, Any] | None:
    """What is known of the file of this key, if `target` is it, untouched since it was written."""
    try:
        entry = json.loads(_entry(key, folder).read_text())
        if entry["file"] != _state(target):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**entry["film"], **dict.fromkeys(COUNTS, 0)}


def record(key: str, result: AssemblyResult, folder: Path) -> None:
    film = {name: value for name, value in asdict(result).items() if name in KEPT}
    with write_atomically(_entry(key, folder)) as part:
        part.write_text(json.dumps({"film": film, "file": _state(result.path)}))


def _entry(key: str, folder: Path) -> Path:
    return folder / "films" / f"{key}.json"


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
