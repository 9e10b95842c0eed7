"""What a publication is made from, kept by its content so that it can be published again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tower.media.files import publish_copy, sha256_of, touch_if_present
from tower.media.probe import Probe, probe_frames
from tower.publishing.film import Film
from tower.publishing.picture_hashes import Hash, SecondHashes


@dataclass(frozen=True)
class KeptFile:
    path: Path
    sha256: str


@dataclass(frozen=True)
class KeptFilm:
    """The unsigned film and its pictures in the folder of renders."""

    master: KeptFile
    poster: KeptFile | None
    thumb: KeptFile | None


def keep_film(film: Film, renders: Path) -> KeptFilm:
    """Copy the film and its pictures to renders/ab/<sha256>, unless they are there. Raises DiskFullError."""
    poster, thumb = (keep_file(path, renders) if path else None for path in (film.series.poster, film.thumb))
    return KeptFilm(keep_file(film.path, renders), poster, thumb)


def keep_file(path: Path, renders: Path) -> KeptFile:
    sha256 = sha256_of(path)
    kept = renders / sha256[:2] / f"{sha256}{path.suffix.lower()}"
    if not (touch_if_present(kept) and kept.stat().st_size == path.stat().st_size):
        publish_copy(path, kept)
    return KeptFile(kept, sha256)


def inspect_master(path: Path) -> tuple[Probe, list[Hash]]:
    """Probe the film and hash a picture of each second, in one pass. Raises MediaUnreadableError."""
    seconds = SecondHashes()
    found = probe_frames(path, on_picture=seconds.add)
    return found, seconds.hashes
