"""Chooses the music of a mood: its tempo, and the track of the library that fits best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tower.library.matching import Match, Relation, Wanted, matching
from tower.library.moods import mood_of
from tower.library.roots import Place
from tower.moods.pictures import Source
from tower.moods.preferences import FASTEST, SLOWEST


@dataclass(frozen=True)
class Tempo:
    """A range of tempos in BPM. None: any tempo fits the mood."""

    bpm_min: float | None
    bpm_max: float | None
    source: Source


@dataclass(frozen=True)
class TrackChoice:
    """A track of the music library. `by`: which of "tempo" and "words" of its tags fit the mood."""

    id: int
    title: str
    artist: str | None
    path: str
    bpm: float | None
    by: tuple[str, ...]


def tempo_of(mood: str, wish: Mapping[str, Any]) -> Tempo:
    """The tempo of a preference (`wish`), or else that of the mood."""
    low, high = wish.get("bpm_min"), wish.get("bpm_max")
    music = mood_of(mood)
    if low is None and high is None:
        return Tempo(None, None, Source.MOOD) if music is None else Tempo(music.low_bpm, music.high_bpm, Source.MOOD)
    return Tempo(low if low is not None else SLOWEST, high if high is not None else FASTEST, Source.SET)


def track_for(session: Session, mood: str, tempo: Tempo) -> tuple[TrackChoice | None, str]:
    """The best track and the reason, or None and the reason. A tempo that was set is a condition."""
    music = mood_of(mood)
    wanted = Wanted(mood=music, word=None if music else mood)
    if tempo.source == Source.SET and tempo.bpm_min is not None and tempo.bpm_max is not None:
        middle, reach = (tempo.bpm_min + tempo.bpm_max) / 2, (tempo.bpm_max - tempo.bpm_min) / 2
        wanted = Wanted(middle, reach, (Relation.EXACT,), music, None if music else mood)
    found = matching(session, wanted, limit=1)
    if not found:
        return None, f"no track of the music library fits the mood {mood}"
    return _chosen(found[0]), f"it fits the mood {mood} best of the music library"


def _chosen(match: Match) -> TrackChoice:
    track = match.track
    return TrackChoice(
        track.id,
        track.title,
        track.artist,
        str(Place(Path(track.root), track.folder, track.filename).path),
        track.bpm,
        match.by,
    )
