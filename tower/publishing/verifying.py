"""From which publication a file comes, and whether it was changed: by its bytes, by its mark, and by what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.publications import Publication
from tower.errors import NotFoundError
from tower.media.decode import MediaUnreadableError, NoMediaFileError
from tower.media.files import sha256_of
from tower.publishing.marking import MarkReading, read_mark
from tower.publishing.masters import inspect_master
from tower.publishing.picture_hashes import MAX_SAME_BITS, Hash, count_different_bits, hash_picture

MIN_SHARE = 0.6  # of the seconds of a film that must look alike


class Origin(StrEnum):
    """UNCHANGED: byte for byte. CHANGED: its mark names the publication, its bytes differ. ALIKE: it looks like it."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    ALIKE = "alike"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """start_s, end_s: the part of the published film that the file shows. different_bits: of 64, in the middle."""

    origin: Origin
    mark: MarkReading | None
    publication: Publication | None = None
    start_s: float | None = None
    end_s: float | None = None
    matching: int | None = None
    compared: int | None = None
    different_bits: float | None = None

    @property
    def shots(self) -> list[dict[str, Any]]:
        """The shots of the part that the file shows."""
        if self.publication is None:
            return []
        shots: list[dict[str, Any]] = self.publication.provenance["shots"]
        if self.start_s is None or self.end_s is None:
            return shots
        return [shot for shot in shots if shot["start_s"] < self.end_s and shot["end_s"] > self.start_s]


@dataclass(frozen=True)
class _Match:
    publication_id: int
    offset: int
    matching: int
    compared: int
    different_bits: float


def verify_file(session: Session, path: Path) -> Verdict:
    """Find the publication of a film or a picture. Raises NotFoundError, MediaUnreadableError."""
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}")
    mark = read_mark(path)
    same = _find_newest(session, Publication.sha256 == sha256_of(path))
    if same is not None:
        return Verdict(Origin.UNCHANGED, mark, same)
    hashes = _hash_file(path)
    match = find_alike(_load_hashes(session), hashes)
    if match is not None:
        publication = session.get_one(Publication, match.publication_id)
        named = mark is not None and mark.id == publication.mark_id
        return Verdict(
            Origin.CHANGED if named else Origin.ALIKE,
            mark,
            publication,
            start_s=float(match.offset),
            end_s=float(match.offset + len(hashes)),
            matching=match.matching,
            compared=match.compared,
            different_bits=match.different_bits,
        )
    marked = _find_newest(session, Publication.mark_id == mark.id) if mark else None
    return Verdict(Origin.CHANGED if marked else Origin.UNKNOWN, mark, marked)


def find_alike(known: Sequence[tuple[int, Sequence[Hash]]], hashes: Sequence[Hash]) -> _Match | None:
    """The publication, and the second of it, at which most of the pictures look alike; the newest of equal ones."""
    matches = (_align(number, seconds, hashes) for number, seconds in known)
    found = [match for match in matches if match is not None]
    return max(found, key=lambda match: (match.matching, -match.different_bits, match.publication_id), default=None)


def _align(number: int, seconds: Sequence[Hash], hashes: Sequence[Hash]) -> _Match | None:
    """The best offset of the pictures in a film."""
    compared = sum(one is not None for one in hashes)
    if not compared or not seconds:
        return None
    bits = count_different_bits(hashes, seconds)
    offsets = range(-len(hashes) + 1, len(seconds))
    counts = [int((np.diagonal(bits, offset) <= MAX_SAME_BITS).sum()) for offset in offsets]
    best = int(np.argmax(counts))
    if counts[best] == 0 or counts[best] < MIN_SHARE * compared:
        return None
    alike = np.diagonal(bits, offsets[best])
    middle = float(np.median(alike[alike <= MAX_SAME_BITS]))
    return _Match(number, max(offsets[best], 0), counts[best], compared, middle)


def _hash_file(path: Path) -> list[Hash]:
    """The hashes of a film, a second each, or of a picture."""
    try:
        return inspect_master(path)[1]
    except NoMediaFileError:
        raise
    except MediaUnreadableError:
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise
    return [hash_picture(np.asarray(picture, np.uint8))]


def _load_hashes(session: Session) -> list[tuple[int, Sequence[Hash]]]:
    rows = session.execute(select(Publication.id, Publication.frame_hashes).where(Publication.sha256.is_not(None)))
    return [(number, hashes) for number, hashes in rows]


def _find_newest(session: Session, condition: Any) -> Publication | None:
    return session.scalar(select(Publication).where(condition).order_by(Publication.id.desc()).limit(1))
