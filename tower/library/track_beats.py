"""Beats of the files of the music library: what was heard is written to the track, and the user's word counts more."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import update

from db.engine import Sessions
from db.models.library import Track
from tower.beats.cache import Known, analysed
from tower.beats.results import FASTEST_BPM, SLOWEST_BPM, Analysis, TempoHint
from tower.errors import InvalidError, NotFoundError
from tower.library.tracks import track_of
from tower.media.decode import MediaUnreadableError
from tower.media.roots import REASONS, media_path, open_media


class Listener(Protocol):
    """`AnalyserPool.analyse`, or whatever hears as well."""

    def __call__(self, file: IO[bytes], hint: TempoHint, *, name: str, cancelled: threading.Event) -> Analysis: ...


@dataclass(frozen=True)
class Place:
    """Where results are kept, and which folders a request may name files of."""

    sessions: Sessions
    cache: Path
    roots: Sequence[Path]


@dataclass(frozen=True)
class Heard:
    """`track_id` is null, and `no_track` says why, for a sound that is no piece of music (a film, for one)."""

    known: Known
    hint: TempoHint
    track_id: int | None
    bpm_override: float | None
    no_track: str | None


def hear(
    audio_path: str,
    *,
    place: Place,
    listener: Listener,
    hint: TempoHint | None = None,
    force: bool = False,
    cancelled: threading.Event | None = None,
) -> Heard:
    """Listen to a file that a request names. Without a hint the track's `bpm_override` is one.

    Raises NotFoundError if it is not there, InvalidError for what must not be read, MediaUnreadableError for what
    cannot be, ConflictError if it changes meanwhile, CancelledError.
    """
    stop = cancelled or threading.Event()
    path = _path(audio_path, place.roots)
    track, no_track = _track(path, place)
    override = track.bpm_override if track else None
    if hint is None and override is not None and SLOWEST_BPM <= override <= FASTEST_BPM:
        hint = TempoHint(bpm=override)
    with open_media(path, roots=place.roots, field="audio_path") as file:
        known = analysed(
            file,
            sessions=place.sessions,
            folder=place.cache,
            hint=hint,
            analyser=lambda opened, told: listener(opened, told, name=path.name, cancelled=stop),
            force=force,
            cancelled=stop,
        )
    if track is not None:
        _write(track.id, known, place.sessions)
    return Heard(known, hint or TempoHint(), track.id if track else None, override, no_track)


def _path(text: str, roots: Sequence[Path]) -> Path:
    try:
        return media_path(text, roots=roots, field="audio_path")
    except InvalidError as refused:
        if refused.details and refused.details.get("expected") == REASONS[2]:  # ENOENT; only inside the folders
            raise NotFoundError(f"There is no file {text}", details=refused.details) from refused
        raise


def _track(path: Path, place: Place) -> tuple[Track | None, str | None]:
    try:
        with place.sessions.begin() as session:
            return track_of(session, path, roots=place.roots), None
    except MediaUnreadableError as no_music:
        return None, no_music.message


def _write(track_id: int, known: Known, sessions: Sessions) -> None:
    """Only while the track still is what was heard."""
    same = (Track.id == track_id, Track.sha256 == known.sha256)
    heard = {"analysed_bpm": known.analysis.bpm, "analysed_confidence": known.analysis.confidence}
    with sessions.begin() as session:
        session.execute(update(Track).where(*same).values(heard))
