"""Search in the library."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from api.http.dependencies import DatabaseSession
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.music.track_answers import TrackAnswer, shown
from tower.errors import InvalidError
from tower.library.search import Hit, Match, search

router = strict_router(prefix="/api", tags=["library"])


class FoundTrack(TrackAnswer):
    match: Match = Field(description="Its title, the beginning of it, a part of its texts, or something like it.")
    similarity: float = Field(ge=0, le=1)

    @classmethod
    def from_hit(cls, hit: Hit) -> Self:
        return cls.model_validate({**shown(hit.track), "match": hit.match, "similarity": hit.similarity})


@router.get("/search")
def search_library(
    q: Annotated[str, Query(min_length=1, max_length=200, description="Of title, artist, album; in any script.")],
    session: DatabaseSession,
    pages: Pages,
) -> list[FoundTrack]:
    """Tracks by title, artist or album, best first. A few wrong letters do no harm. Ranks 300 of many matches."""
    if not q.strip():
        raise InvalidError.field("q", q, "a word to look for")
    return pages.answer(search(session, q, pages.wanted), FoundTrack.from_hit)
