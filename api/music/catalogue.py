"""Search the Apple Music catalogue, if a developer key is configured. It has metadata only, no sound."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import BaseModel, Field

from api.errors import error_responses
from api.http.strict_routes import strict_router
from api.music.dependencies import AppleMusic
from tower.clients.apple_music import MAX_LIMIT, CatalogueSong
from tower.errors import InvalidError

router = strict_router(prefix="/api/catalogue", tags=["catalogue"])

METADATA_ONLY = "Apple Music provides no usable sound: its audio is encrypted. Buy or rip the track to use it."


class CatalogueAnswer(BaseModel):
    """Metadata only: `streamable` and `analyzable` are always false."""

    id: str = Field(examples=["1490256995"])
    title: str
    artist: str | None
    album: str | None
    duration: float | None = Field(description="Seconds.")
    genres: list[str]
    isrc: str | None
    release_date: str | None
    url: str | None
    source: str = "apple_music"
    streamable: bool = False
    analyzable: bool = False
    reason: str = METADATA_ONLY

    @classmethod
    def of(cls, song: CatalogueSong) -> Self:
        return cls(
            id=song.id,
            title=song.title,
            artist=song.artist,
            album=song.album,
            duration=song.duration_s,
            genres=list(song.genres),
            isrc=song.isrc,
            release_date=song.release_date,
            url=song.url,
        )


@router.get("/search", responses=error_responses(502, 503))
def search_catalogue(
    q: Annotated[str, Query(min_length=1, max_length=200)],
    client: AppleMusic,
    response: Response,
    *,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = MAX_LIMIT,
    cursor: Annotated[int, Query(ge=0, le=10_000, description="X-Next-Cursor of the previous page.")] = 0,
) -> list[CatalogueAnswer]:
    """Songs of Apple Music's catalogue. 503 if no developer key is configured; the local library works without one."""
    if not q.strip():
        raise InvalidError.field("q", q, "a word to search for")
    page = client.search(q.strip(), limit=limit, offset=cursor)
    if page.next_offset is not None:
        response.headers["X-Next-Cursor"] = str(page.next_offset)
    return [CatalogueAnswer.of(song) for song in page.songs]
