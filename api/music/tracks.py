"""Tracks: lists by tempo, genre and length, details, sound and waveform."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from fastapi import Query, Response
from pydantic import ConfigDict, Field

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, DatabaseSessions, ReadingSession
from api.http.paging import Pages
from api.http.ranged_file import RangedFile
from api.http.strict_routes import Body, strict_router
from api.music.dependencies import Copies, Monitor, Roots, RowNumber
from api.music.track_answers import TrackAnswer, TrackDetail
from db.models.library import Track
from tower.beats import cache
from tower.beats.results import MAX_BPM, MIN_BPM, Analysis, TempoHint
from tower.beats.structure.cache import read_structure
from tower.beats.structure.results import Structure
from tower.errors import InvalidError, NotFoundError
from tower.errors.codes import ErrorCode
from tower.library import listing
from tower.library.lengths import save_decoded_length
from tower.library.monitor import QualityMonitor
from tower.library.peaks import load_peaks
from tower.library.playing import MEDIA_TYPES, can_browsers_play, open_track, original_file
from tower.library.tracks import find
from tower.library.waveform import draw_waveform

router = strict_router(prefix="/api", tags=["library"])

BpmQuery = Annotated[float | None, Query(ge=20, le=400, allow_inf_nan=False)]
SecondsQuery = Annotated[float | None, Query(ge=0, le=1_000_000, allow_inf_nan=False)]
GenreQuery = Annotated[str | None, Query(min_length=1, max_length=200, description="Case and accents are ignored.")]
SVG_TYPE = "image/svg+xml"


class TrackChange(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"bpm_override": 128}]})

    bpm_override: float | None = Field(
        ge=20, le=400, description="Null removes the override: the analysed or tagged tempo is used again."
    )


class StreamFormat(StrEnum):
    """auto: the file itself, or Opus if browsers cannot play it."""

    AUTO = "auto"
    ORIGINAL = "original"
    OPUS = "opus"


@router.get("/tracks")
def list_tracks(
    session: ReadingSession,
    pages: Pages,
    *,
    min_bpm: BpmQuery = None,
    max_bpm: BpmQuery = None,
    genre: GenreQuery = None,
    min_duration: SecondsQuery = None,
    max_duration: SecondsQuery = None,
    with_missing: Annotated[bool, Query(description="Include tracks whose file is gone.")] = False,
) -> list[TrackAnswer]:
    """The tracks of the library, oldest first. A track without a known tempo matches no range of tempos."""
    for low, high, name in ((min_bpm, max_bpm, "max_bpm"), (min_duration, max_duration, "max_duration")):
        if low is not None and high is not None and high < low:
            raise InvalidError.field(name, high, f"at least {low:g}")
    only = listing.TrackFilter(min_bpm, max_bpm, genre, min_duration, max_duration, with_missing)
    return pages.answer(listing.page(session, pages.page_request, track_filter=only), TrackAnswer.of)


@router.get("/track/{track_id}", responses=error_responses(404))
def get_track(track_id: RowNumber, session: ReadingSession, monitor: Monitor) -> TrackDetail:
    """A track and its sound quality, which is measured in the background at the first request."""
    return _detail(find(session, track_id), monitor)


@router.patch("/track/{track_id}", responses=error_responses(400, 404, 413, 415))
def change_track(track_id: RowNumber, body: TrackChange, session: DatabaseSession, monitor: Monitor) -> TrackDetail:
    """Set a tempo that overrides the analysed one, or remove it."""
    with session.begin():
        track = find(session, track_id)
        track.bpm_override = body.bpm_override
        session.flush()
        session.refresh(track)
    return _detail(track, monitor)


@router.head("/track/{track_id}/stream", include_in_schema=False)
@router.get(
    "/track/{track_id}/stream",
    response_class=RangedFile,
    responses={
        200: {"content": {media: {} for media in MEDIA_TYPES.values()}, "description": "The whole track"},
        206: {"content": {media: {} for media in MEDIA_TYPES.values()}, "description": "The requested range"},
        304: {"description": "If-None-Match has the current ETag"},
        **error_responses(404, 416, 503),
    },
)
def stream_track(
    track_id: RowNumber,
    session: DatabaseSession,
    roots: Roots,
    copies: Copies,
    *,
    form: Annotated[StreamFormat, Query(alias="format")] = StreamFormat.AUTO,
) -> RangedFile:
    """The sound, whole or by Range. An Opus copy is made once; 503 while a long one is being made."""
    track = find(session, track_id)
    session.rollback()  # making a copy takes a while, so return the connection to the pool
    with open_track(track, roots):
        pass
    as_opus = (form == StreamFormat.OPUS and track.codec != "opus") or (
        form == StreamFormat.AUTO and not can_browsers_play(track)
    )
    playable = copies.get_copy(track, roots) if as_opus else original_file(track, roots)
    try:
        file_stat = playable.path.stat()
    except OSError as gone:
        raise NotFoundError(f"The file of track {track_id} is gone", code=ErrorCode.FILE_MISSING) from gone
    return RangedFile(
        playable.path,
        media_type=playable.media_type,
        filename=Path(track.filename).with_suffix(".ogg").name if as_opus else track.filename,
        content_disposition_type="inline",
        stat_result=file_stat,
        headers={"Cache-Control": "private, no-cache"},
    )


@router.get(
    "/track/{track_id}/waveform",
    response_class=Response,
    responses={200: {"content": {SVG_TYPE: {}}, "description": "The waveform"}, **error_responses(404)},
)
def track_waveform(
    track_id: RowNumber, session: DatabaseSession, sessions: DatabaseSessions, roots: Roots, settings: CurrentSettings
) -> Response:
    """The sound as an SVG, with beats, tempo and sections if the track was analysed; if not, the picture says so."""
    track = find(session, track_id)
    analysis, structure = _heard(session, track)
    session.rollback()
    with open_track(track, roots) as file:
        shape = load_peaks(file, sha256=track.sha256, cache=settings.data / "cache" / "waveforms")
    save_decoded_length(sessions, track.id, sha256=track.sha256, decoded_s=shape.duration_s)
    drawn = draw_waveform(
        f"{track.artist} – {track.title}" if track.artist else track.title, shape, analysis, structure
    )
    # The SVG has an inline style and loads nothing.
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return Response(
        drawn, media_type=SVG_TYPE, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    )


def _detail(track: Track, monitor: QualityMonitor) -> TrackDetail:
    return TrackDetail.with_quality(track, monitor.enqueue(track) if track.quality is None else None)


def _heard(session: DatabaseSession, track: Track) -> tuple[Analysis | None, Structure | None]:
    """What is known of its beats and its structure, with the user's tempo as the hint, if that is known."""
    hint, override = TempoHint(), track.bpm_override
    if override is not None and MIN_BPM <= override <= MAX_BPM:
        override_hint = TempoHint(bpm=override)
        hint = override_hint if cache.find_cached(session, track.sha256, override_hint) is not None else hint
    return cache.find_cached(session, track.sha256, hint), read_structure(session, track.sha256, hint)
