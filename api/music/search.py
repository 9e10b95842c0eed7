"""Search the library."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from api.http.dependencies import DatabaseSession
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.music.track_answers import TrackAnswer, track_fields
from tower.errors import InvalidError
from tower.library.search import MatchKind, SearchHit, search_tracks

router = strict_router(prefix="/api", tags=["library"])


class FoundTrack(TrackAnswer):
    match: MatchKind = Field(
        description="What matched: the whole title, its beginning, a part of a text, or a similar text."
    )
    similarity: float = Field(ge=0, le=1)

    @classmethod
    def from_hit(cls, hit: SearchHit) -> Self:
        return cls.model_validate({**track_fields(hit.track), "match": hit.match, "similarity": hit.similarity})


@router.get("/search")
def search_library(
    q: Annotated[
        str, Query(min_length=1, max_length=200, description="A part of title, artist or album, in any script.")
    ],
    session: DatabaseSession,
    pages: Pages,
) -> list[FoundTrack]:
    """Tracks by title, artist or album, best first. Tolerates typing errors. Ranks at most 300 matches."""
    if not q.strip():
        raise InvalidError.field("q", q, "a word to search for")
    return pages.answer(search_tracks(session, q, pages.page_request), FoundTrack.from_hit)
