"""Analyses the beats of library files and saves the tempo to the track. A tempo set by the user has precedence."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import update

from db.engine import SessionFactory
from db.models.library import Track
from tower.beats.cache import CachedAnalysis, get_analysis
from tower.beats.results import MAX_BPM, MIN_BPM, Analysis, TempoHint
from tower.beats.structure.cache import BoundStructureFinder, CachedStructure, find_cached_structure
from tower.beats.structure.results import Structure, StructureUnavailableError
from tower.errors import InvalidError, NotFoundError
from tower.library.lengths import save_decoded_length
from tower.library.tracks import get_or_add_track
from tower.media.decode import MediaUnreadableError
from tower.media.roots import EXPECTED_BY_ERRNO, open_media, resolve_media_path


class Analyser(Protocol):
    """A function that analyses a file, such as `AnalyserPool.analyse`."""

    def __call__(self, file: IO[bytes], hint: TempoHint, *, name: str, cancelled: threading.Event) -> Analysis: ...


class StructureFinder(Protocol):
    """A function that finds the structure of a file, such as `AnalyserPool.find_structure`."""

    def __call__(self, file: IO[bytes], beats: Analysis, *, name: str, cancelled: threading.Event) -> Structure: ...


@dataclass(frozen=True)
class AnalysisContext:
    """The cache of results, and the folders whose files a request may name."""

    sessions: SessionFactory
    cache: Path
    roots: Sequence[Path]


@dataclass(frozen=True)
class TrackBeats:
    """An analysed file. If it is not music (a film, for example), `track_id` is None and `no_track` is the reason.

    `structure` is None if it was not asked for, or if `no_structure` gives the reason why there is none.
    """

    known: CachedAnalysis
    hint: TempoHint
    track_id: int | None
    bpm_override: float | None
    no_track: str | None
    structure: CachedStructure | None = None
    no_structure: str | None = None

    @property
    def found_structure(self) -> Structure | None:
        return self.structure.structure if self.structure else None


def analyse_track_file(
    audio_path: str,
    *,
    context: AnalysisContext,
    analyser: Analyser,
    finder: StructureFinder | None = None,
    hint: TempoHint | None = None,
    force: bool = False,
    cancelled: threading.Event | None = None,
) -> TrackBeats:
    """Analyse a file that a request names. Without a hint the `bpm_override` of the track is used.

    With a `finder` its structure is found too. If that fails, the beats are returned with the reason.

    Raises NotFoundError for a missing file, InvalidError for a path that is not allowed, MediaUnreadableError for a
    file that cannot be read, ConflictError if the file changes during the analysis, and CancelledError.
    """
    stop = cancelled or threading.Event()
    path = _resolve(audio_path, context.roots)
    track, no_track = _find_track(path, context)
    override = track.bpm_override if track else None
    if hint is None and override is not None and MIN_BPM <= override <= MAX_BPM:
        hint = TempoHint(bpm=override)
    with open_media(path, roots=context.roots, field="audio_path") as file:
        known = get_analysis(
            file,
            sessions=context.sessions,
            folder=context.cache,
            hint=hint,
            analyser=lambda opened, tempo_hint: analyser(opened, tempo_hint, name=path.name, cancelled=stop),
            force=force,
            cancelled=stop,
        )
        if track is not None:
            _save_tempo(track.id, known, context.sessions)
            save_decoded_length(context.sessions, track.id, sha256=known.sha256, decoded_s=known.analysis.duration_s)
        beats = TrackBeats(known, hint or TempoHint(), track.id if track else None, override, no_track)
        if finder is None:
            return beats
        return _with_structure(
            beats,
            file,
            place=context,
            find=lambda opened, analysis: finder(opened, analysis, name=path.name, cancelled=stop),
            force=force,
            cancelled=stop,
        )


def _with_structure(
    beats: TrackBeats,
    file: IO[bytes],
    *,
    place: AnalysisContext,
    find: BoundStructureFinder,
    force: bool,
    cancelled: threading.Event,
) -> TrackBeats:
    try:
        structure = find_cached_structure(
            file,
            beats.known,
            hint=beats.hint,
            sessions=place.sessions,
            folder=place.cache,
            finder=find,
            force=force,
            cancelled=cancelled,
        )
    except (StructureUnavailableError, MediaUnreadableError) as error:
        return replace(beats, no_structure=error.message)
    return replace(beats, structure=structure)


def _resolve(text: str, roots: Sequence[Path]) -> Path:
    try:
        return resolve_media_path(text, roots=roots, field="audio_path")
    except InvalidError as error:
        if error.details and error.details.get("expected") == EXPECTED_BY_ERRNO[2]:  # ENOENT; only inside the folders
            raise NotFoundError(f"There is no file {text}", details=error.details) from error
        raise


def _find_track(path: Path, place: AnalysisContext) -> tuple[Track | None, str | None]:
    try:
        with place.sessions.begin() as session:
            return get_or_add_track(session, path, roots=place.roots), None
    except MediaUnreadableError as no_music:
        return None, no_music.message


def _save_tempo(track_id: int, known: CachedAnalysis, sessions: SessionFactory) -> None:
    """Save the tempo, unless the file of the track has changed since."""
    same = (Track.id == track_id, Track.sha256 == known.sha256)
    values = {"analysed_bpm": known.analysis.bpm, "analysed_confidence": known.analysis.confidence}
    with sessions.begin() as session:
        session.execute(update(Track).where(*same).values(values))
