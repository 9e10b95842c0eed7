"""The mark of a published film: a signed C2PA manifest that says that its pictures are made by a machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tower.publishing.film import Film


@dataclass(frozen=True)
class Mark:
    """`id` is the URN of the manifest; without one, `unmarked_reason` says why the film has none."""

    id: str | None
    unmarked_reason: str | None = None


class Marker(Protocol):
    """Writes the film with a mark to `target`. `source` stays as it is."""

    def __call__(self, source: Path, target: Path, film: Film) -> Mark: ...


def copy_unmarked(source: Path, target: Path, film: Film) -> Mark:
    """Write the film without a mark."""
    shutil.copyfile(source, target)
    return Mark(None, f"marks are switched off for {film.series.name}")
