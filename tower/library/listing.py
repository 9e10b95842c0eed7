"""Lists tracks by tempo, genre and length, in pages."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.library import Track
from tower.library.text import normalise
from tower.pages import Page, PageRequest, fetch_page


@dataclass(frozen=True)
class TrackFilter:
    """A filter that is None does not apply. A track without a known tempo matches no range of tempos."""

    min_bpm: float | None = None
    max_bpm: float | None = None
    genre: str | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    with_missing: bool = False


def page(session: Session, page_request: PageRequest, *, track_filter: TrackFilter) -> Page[Track]:
    """A page of the tracks, in the order in which they were added to the library."""
    bounds = (
        (track_filter.min_bpm, Track.bpm.__ge__),
        (track_filter.max_bpm, Track.bpm.__le__),
        (track_filter.min_duration_s, Track.duration_s.__ge__),
        (track_filter.max_duration_s, Track.duration_s.__le__),
    )
    rows = select(Track).where(*(compare(bound) for bound, compare in bounds if bound is not None))
    if track_filter.genre is not None:
        rows = rows.where(Track.genre_keys.contains([normalise(track_filter.genre)]))
    if not track_filter.with_missing:
        rows = rows.where(Track.missing_since.is_(None))
    return fetch_page(session, rows, Track.id, page=page_request)
