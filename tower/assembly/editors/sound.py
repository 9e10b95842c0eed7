"""The sounds of a film, as clips on tracks that do not overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tower.assembly.cut import EpisodeCut, MusicCue, Shot, SoundRule, SpeechCue
from tower.assembly.editors.media import FileFacts, ItemSource, read_sound_facts


@dataclass(frozen=True)
class SoundClip:
    """A part of a file that sounds from `start_frame` of the film. `offset_frames` of the file come before it."""

    part: str
    title: str
    file: FileFacts
    start_frame: int
    frames: int
    offset_frames: Fraction
    levels: dict[str, Any]


def list_sound(cut: EpisodeCut, sources: Sequence[ItemSource]) -> dict[str, list[SoundClip]]:
    """The clips by the name of their track. Raises InvalidError, which names the part, for an unreadable file."""
    groups = {
        "Scenes": list(_scenes(cut, sources)),
        "Speech": [_speech(cut, number, cue) for number, cue in enumerate(cut.speech)],
        "Music": [_music(cut, number, cue) for number, cue in enumerate(cut.music)],
    }
    tracks: dict[str, list[SoundClip]] = {}
    for name, clips in groups.items():
        for number, track in enumerate(_without_overlaps([clip for clip in clips if clip.frames > 0]), 1):
            tracks[name if number == 1 else f"{name} {number}"] = track
    return tracks


def in_whole_frames(clip: SoundClip) -> SoundClip:
    return replace(clip, offset_frames=Fraction(round(clip.offset_frames)))


def _scenes(cut: EpisodeCut, sources: Sequence[ItemSource]) -> Iterator[SoundClip]:
    """The sound of takes that play at their own speed; another speed would need a rendered sound."""
    for source, start in zip(sources, cut.starts, strict=True):
        shot = source.item
        if isinstance(shot, Shot) and keeps_sound(source) and source.take is not None and shot.speed == 1:
            levels = {"gain_db": shot.gain_db, "sound": shot.sound.value}
            offset = Fraction(shot.first_frame)
            yield SoundClip(source.name, shot.title, source.take, start, shot.moving_frames, offset, levels)


def keeps_sound(source: ItemSource) -> bool:
    """Whether the take has sound that the cut keeps."""
    is_kept = isinstance(source.item, Shot) and source.item.sound is not SoundRule.DROP
    return is_kept and source.take is not None and source.take.has_sound


def _music(cut: EpisodeCut, number: int, cue: MusicCue) -> SoundClip:
    name = f"music.{number}"
    file = read_sound_facts(cue.track.path, f"{name}.track")
    levels = {
        "gain_db": cue.gain_db,
        "fade_in_s": cue.fade_in_s,
        "fade_out_s": cue.fade_out_s,
        "duck_db": cue.duck_db,
    }
    frames = min(cue.frames, cut.frames - cue.start_frame)
    offset = Fraction(cue.offset_s).limit_denominator(1_000_000) * cut.form.fps
    return SoundClip(name, cue.track.path.stem, file, cue.start_frame, frames, offset, levels)


def _speech(cut: EpisodeCut, number: int, cue: SpeechCue) -> SoundClip:
    name = f"speech.{number}"
    file = read_sound_facts(cue.sound.path, f"{name}.sound")
    frames = min(max(1, file.frames_at(cut.form.fps)), cut.frames - cue.start_frame)
    return SoundClip(name, cue.sound.path.stem, file, cue.start_frame, frames, Fraction(0), {"gain_db": cue.gain_db})


def _without_overlaps(clips: Sequence[SoundClip]) -> list[list[SoundClip]]:
    """Put each clip on the first track that is free at its start."""
    tracks: list[list[SoundClip]] = []
    for clip in sorted(clips, key=lambda one: one.start_frame):
        free = (track for track in tracks if track[-1].start_frame + track[-1].frames <= clip.start_frame)
        track = next(free, None)
        if track is None:
            tracks.append([clip])
        else:
            track.append(clip)
    return tracks
