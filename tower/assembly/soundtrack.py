"""The music of an episode: which part of which file plays in which frames of the film."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.library import Track
from db.models.music import MusicSceneSync
from tower.assembly.cut import MediaFile, MusicCue
from tower.errors import InvalidError
from tower.library.tracks import library_path_of
from tower.media.files import sha256_of
from tower.story.episodes import EpisodeScene
from tower.story.scene_audio import current_sync
from tower.versions.episode_cuts import MusicPart

SILENCE_DB = -60.0


@dataclass(frozen=True)
class FilmTimes:
    """The first frame and the length of each scene, the length of the film, and its rate."""

    scenes: Mapping[uuid.UUID, tuple[int, int]]
    frames: int
    fps: Fraction

    def to_frames(self, seconds: float) -> int:
        return round(seconds * self.fps)


@dataclass(frozen=True)
class _Sound:
    """A file and how it plays if the cut says nothing else. `length_s` is None if it is unknown."""

    file: MediaFile
    length_s: float | None = None
    offset_s: float = 0.0
    gain_db: float = 0.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0


def plan_music(
    session: Session, parts: Sequence[MusicPart], scenes: Sequence[EpisodeScene], times: FilmTimes
) -> tuple[MusicCue, ...]:
    """Return a cue for each part. One that begins in a scene that has left the episode is skipped.

    Raises InvalidError, which names the part, for music that is not there or begins after the end of the film.
    """
    by_key = {str(scene.key): scene for scene in scenes}
    cues = []
    for number, part in enumerate(parts):
        scene = None if part.scene_key is None else by_key.get(part.scene_key)
        if part.scene_key is None or scene is not None:
            cues.append(_plan_cue(session, f"music.{number}", part, scene, times))
    return tuple(cues)


def _plan_cue(session: Session, place: str, part: MusicPart, scene: EpisodeScene | None, times: FilmTimes) -> MusicCue:
    sound = _find_track(session, part.track_sha256, place) if part.track_sha256 else _music_of(session, scene, place)
    scene_start, scene_frames = (0, times.frames) if scene is None else times.scenes[scene.key]
    start = scene_start + times.to_frames(part.start_seconds)
    offset_s = sound.offset_s + part.offset_seconds
    end = times.frames if part.track_sha256 else scene_start + scene_frames
    limits = [end - start]
    if part.seconds is not None:
        limits.append(times.to_frames(part.seconds))
    if sound.length_s is not None:
        limits.append(times.to_frames(sound.length_s - offset_s))
    if min(limits) < 1:
        expected = f"a part of the track within the film of {float(times.frames / times.fps):.1f} s"
        raise InvalidError.field(f"{place}.start_seconds", part.start_seconds, expected)
    return MusicCue(
        track=sound.file,
        start_frame=start,
        frames=min(limits),
        offset_s=offset_s,
        gain_db=max(SILENCE_DB, sound.gain_db + part.gain_db),
        fade_in_s=part.fade_in_seconds or sound.fade_in_s,
        fade_out_s=part.fade_out_seconds or sound.fade_out_s,
        duck_db=part.duck_db,
    )


def _find_track(session: Session, sha256: str, place: str) -> _Sound:
    rows = select(Track).where(Track.sha256 == sha256, Track.missing_since.is_(None)).order_by(Track.id)
    for track in session.scalars(rows):
        path = library_path_of(track).full_path
        if path.is_file():
            return _Sound(MediaFile(path, sha256), track.duration_s)
    raise InvalidError.field(f"{place}.track_sha256", sha256, "a track of the music library whose file is there")


def _music_of(session: Session, scene: EpisodeScene | None, place: str) -> _Sound:
    sync: MusicSceneSync | None = None if scene is None or scene.row is None else current_sync(session, scene.row.id)
    if sync is None or not (path := Path(sync.audio_path)).is_file():
        raise InvalidError.field(f"{place}.track_id", None, "a track, as the scene has no music, or its file is gone")
    gain_db = 20 * math.log10(sync.volume) if sync.volume > 0 else SILENCE_DB
    sha256 = sync.audio_sha256 or sha256_of(path)
    length_s = None if sync.duration_s is None else sync.offset_s + sync.duration_s
    return _Sound(MediaFile(path, sha256), length_s, sync.offset_s, gain_db, sync.fade_in_s, sync.fade_out_s)
