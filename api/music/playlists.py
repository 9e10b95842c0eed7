"""Playlists, made here or imported."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import Body, strict_router
from api.music.dependencies import RowNumber
from api.music.track_answers import TrackAnswer
from db.models.library import Playlist, Track
from tower.library import playlists
from tower.library.playlists import MAX_TRACKS, PlaylistSize
from tower.names import NameValidator

router = strict_router(prefix="/api", tags=["playlists"])

PlaylistName = Annotated[str, NameValidator, Field(min_length=1, max_length=200)]
PlaylistDescription = Annotated[str, Field(max_length=2000)]
TrackIds = Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(max_length=MAX_TRACKS)]
EXAMPLE: JsonValue = {"name": "Night drive", "description": "For episode 3", "track_ids": []}


class NewPlaylist(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: PlaylistName
    description: PlaylistDescription | None = None
    track_ids: TrackIds = Field(default_factory=list, description="In order. A track may occur more than once.")


class PlaylistChange(Body):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Night drive, slower"}]})

    name: PlaylistName = Field(default_factory=str, description="Its new name.")
    description: PlaylistDescription | None = None
    track_ids: TrackIds = Field(default_factory=list, description="All tracks, in order.")


class PlaylistAnswer(BaseModel):
    """`duration` is the total of its tracks, in seconds."""

    id: int
    name: str
    description: str | None
    source: str = Field(description="tower, itunes_xml or m3u.", examples=["tower"])
    track_count: int
    duration: float
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Playlist, length: PlaylistSize) -> Self:
        same = ("id", "name", "description", "source", "created_at", "updated_at")
        fields = {name: getattr(row, name) for name in same}
        return cls.model_validate({**fields, "track_count": length.tracks, "duration": length.duration_s})


class PlaylistDetail(PlaylistAnswer):
    tracks: list[TrackAnswer]

    @classmethod
    def with_tracks(cls, row: Playlist, tracks: list[Track]) -> Self:
        length = PlaylistSize(len(tracks), sum(track.duration_s for track in tracks))
        fields = PlaylistAnswer.of(row, length).model_dump()
        return cls.model_validate({**fields, "tracks": [TrackAnswer.of(track) for track in tracks]})


class DeletedPlaylist(BaseModel):
    id: int


@router.get("/playlists")
def list_playlists(session: ReadingSession, pages: Pages) -> list[PlaylistAnswer]:
    """All playlists, in the order of creation."""
    found = playlists.page(session, pages.page_request)
    lengths = playlists.playlist_sizes(session, [row.id for row in found.rows])
    return pages.answer(found, lambda row: PlaylistAnswer.of(row, lengths.get(row.id, PlaylistSize())))


@router.post("/playlists", status_code=201, responses=error_responses(400, 413, 415))
def create_playlist(body: NewPlaylist, session: DatabaseSession) -> PlaylistDetail:
    """Create a playlist, empty or with these tracks."""
    with session.begin():
        made = playlists.create(session, body.name, description=body.description, track_ids=body.track_ids)
        return _detail(session, made)


@router.get("/playlists/{playlist_id}", responses=error_responses(404))
def get_playlist(playlist_id: RowNumber, session: ReadingSession) -> PlaylistDetail:
    """A playlist with its tracks, in order."""
    return _detail(session, playlists.find(session, playlist_id))


@router.put("/playlists/{playlist_id}", responses=error_responses(400, 404, 413, 415))
def change_playlist(playlist_id: RowNumber, body: PlaylistChange, session: DatabaseSession) -> PlaylistDetail:
    """Change the fields that the body has. `track_ids` replaces all tracks."""
    with session.begin():
        row = playlists.find(session, playlist_id, for_update=True)
        for name in body.model_fields_set - {"track_ids"}:
            setattr(row, name, getattr(body, name))
        session.flush()
        if "track_ids" in body.model_fields_set:
            playlists.replace_tracks(session, row, body.track_ids)
        session.refresh(row)
        return _detail(session, row)


@router.delete("/playlists/{playlist_id}", responses=error_responses(404))
def delete_playlist(playlist_id: RowNumber, session: DatabaseSession) -> DeletedPlaylist:
    """Delete a playlist. Its tracks stay."""
    with session.begin():
        return DeletedPlaylist(id=playlists.remove(session, playlist_id).id)


def _detail(session: DatabaseSession, row: Playlist) -> PlaylistDetail:
    return PlaylistDetail.with_tracks(row, list(playlists.list_tracks(session, row.id)))
