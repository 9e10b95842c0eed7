"""Chooses the music of a mood: its tempo, and the track of the library that fits best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tower.library.matching import Relation, TrackMatch, TrackQuery, find_matches
from tower.library.moods import find_mood
from tower.library.roots import LibraryPath
from tower.moods.pictures import ChoiceSource
from tower.moods.preferences import MAX_BPM, MIN_BPM


@dataclass(frozen=True)
class TempoRange:
    """A range of tempos in BPM. None: any tempo fits the mood."""

    bpm_min: float | None
    bpm_max: float | None
    source: ChoiceSource


@dataclass(frozen=True)
class TrackChoice:
    """A track of the music library. `by`: which of "tempo" and "words" of its tags fit the mood."""

    id: int
    title: str
    artist: str | None
    path: str
    bpm: float | None
    by: tuple[str, ...]


def choose_tempo(mood: str, preference: Mapping[str, Any]) -> TempoRange:
    """The tempo of a `preference`, or else that of the mood."""
    low, high = preference.get("bpm_min"), preference.get("bpm_max")
    music = find_mood(mood)
    if low is None and high is None:
        return (
            TempoRange(None, None, ChoiceSource.MOOD)
            if music is None
            else TempoRange(music.low_bpm, music.high_bpm, ChoiceSource.MOOD)
        )
    return TempoRange(low if low is not None else MIN_BPM, high if high is not None else MAX_BPM, ChoiceSource.SET)


def choose_track(session: Session, mood: str, tempo: TempoRange) -> tuple[TrackChoice | None, str]:
    """The best track and the reason, or None and the reason. A tempo that was set is a condition."""
    music = find_mood(mood)
    wanted = TrackQuery(mood=music, word=None if music else mood)
    if tempo.source == ChoiceSource.SET and tempo.bpm_min is not None and tempo.bpm_max is not None:
        middle, reach = (tempo.bpm_min + tempo.bpm_max) / 2, (tempo.bpm_max - tempo.bpm_min) / 2
        wanted = TrackQuery(middle, reach, (Relation.EXACT,), music, None if music else mood)
    found = find_matches(session, wanted, limit=1)
    if not found:
        return None, f"no track of the music library fits the mood {mood}"
    return _chosen(found[0]), f"it fits the mood {mood} best of the music library"


def _chosen(match: TrackMatch) -> TrackChoice:
    track = match.track
    return TrackChoice(
        track.id,
        track.title,
        track.artist,
        str(LibraryPath(Path(track.root), track.folder, track.filename).full_path),
        track.bpm,
        match.matched_by,
    )
