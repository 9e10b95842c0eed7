"""The cut as a timeline of OpenTimelineIO: one track of pictures, one or more of sound, and markers.

Two clips meet in the middle of a dissolve, and the frames beyond are handles. A fade is a dissolve to a gap without
length and one from it, as a cross dissolve would need frames that are not in the cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from tower.assembly.cut import CUT, Card, EpisodeCut, Transition, TransitionKind
from tower.assembly.editors.markers import CutMarker, MarkerKind
from tower.assembly.editors.media import FileFacts, ItemSource
from tower.assembly.editors.sound import SoundClip
from tower.errors.foreign import one_line

MAX_TITLE = 120  # characters
COLORS = {MarkerKind.CHAPTER: "GREEN", MarkerKind.BEAT: "CYAN", MarkerKind.NOTE: "YELLOW"}
DISSOLVE = otio.schema.TransitionTypes.SMPTE_Dissolve


def build_timeline(cut: EpisodeCut, sources: Sequence[ItemSource], *, start_frame: int) -> otio.schema.Timeline:
    """The pictures alone."""
    timeline = otio.schema.Timeline(film_title(cut), global_start_time=_time(cut, start_frame))
    timeline.metadata["tower"] = {"width": cut.form.width, "height": cut.form.height, "tags": dict(cut.tags)}
    track = otio.schema.Track("Pictures", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    for source, (before, after) in zip(sources, pairwise((CUT, *cut.transitions, CUT)), strict=True):
        track.append(_clip(cut, source, head=lead_frames(before), tail=lag_frames(after)))
        for part in _transition(cut, after):
            track.append(part)
    return timeline


def add_sound(cut: EpisodeCut, timeline: otio.schema.Timeline, tracks: Mapping[str, Sequence[SoundClip]]) -> None:
    """Append tracks by name. The clips of a track are in order and do not overlap."""
    for name, clips in tracks.items():
        track = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio)
        end = 0
        for clip in clips:
            if clip.start_frame > end:
                track.append(otio.schema.Gap(source_range=_range(cut, 0, clip.start_frame - end)))
            track.append(_sound(cut, clip))
            end = clip.start_frame + clip.frames
        timeline.tracks.append(track)


def add_markers(cut: EpisodeCut, timeline: otio.schema.Timeline, markers: Sequence[CutMarker]) -> None:
    for marker in markers:
        made = otio.schema.Marker(marker.name, _range(cut, marker.frame, 0), COLORS[marker.kind])
        made.metadata["tower"] = {"kind": marker.kind.value}
        timeline.tracks.markers.append(made)


def film_title(cut: EpisodeCut) -> str:
    return one_line(cut.tags.get("title", ""), MAX_TITLE) or "Episode"


def item_title(source: ItemSource) -> str:
    text = " / ".join(source.item.lines) if isinstance(source.item, Card) else source.item.title
    return one_line(text, MAX_TITLE) or source.name


def lead_frames(transition: Transition) -> int:
    """The frames of a dissolve before the point where its two clips meet."""
    return transition.overlap // 2


def lag_frames(transition: Transition) -> int:
    """The frames of a dissolve after that point."""
    return transition.overlap - transition.overlap // 2


def _clip(cut: EpisodeCut, source: ItemSource, *, head: int, tail: int) -> otio.schema.Clip:
    first = source.first_frame + head * source.speed
    clip = otio.schema.Clip(
        item_title(source), _reference(cut, source), _range(cut, first, source.item.frames - head - tail)
    )
    clip.metadata["tower"] = _described(source)
    if source.speed != 1:
        clip.effects.append(otio.schema.LinearTimeWarp("Speed", time_scalar=float(source.speed)))
    return clip


def _reference(cut: EpisodeCut, source: ItemSource) -> otio.schema.MediaReference:
    if source.file is None:
        return otio.schema.MissingReference(item_title(source), _range(cut, 0, source.item.frames))
    rate = source.file.rate or cut.form.fps
    available = TimeRange(RationalTime(0, float(rate)), RationalTime(source.file.frames or 0, float(rate)))
    return _external(source.file, available)


def _external(file: FileFacts, available: TimeRange) -> otio.schema.ExternalReference:
    reference = otio.schema.ExternalReference(file.path.absolute().as_uri(), available)
    reference.name = one_line(file.path.name)
    return reference


def _described(source: ItemSource) -> dict[str, Any]:
    if isinstance(source.item, Card):
        return {"part": source.name, "card": source.item.kind.value, "lines": list(source.item.lines)}
    shot = source.item
    effect = {"effect": {**asdict(shot.effect), "kind": shot.effect.kind.value}} if shot.effect else {}
    return {
        "part": source.name,
        "scene": str(shot.scene_key),
        "take": str(shot.take.path),
        "take_sha256": shot.take.sha256,
        "first_frame": shot.first_frame,
        "source_frames": shot.source_frames,
        "speed": str(shot.speed),
        "sound": shot.sound.value,
        "gain_db": shot.gain_db,
        **effect,
    }


def _transition(cut: EpisodeCut, transition: Transition) -> Iterator[otio.core.Composable]:
    if transition.kind is TransitionKind.DISSOLVE:
        yield _dissolve(cut, "Dissolve", lead_frames(transition), lag_frames(transition))
    elif transition.kind is TransitionKind.FADE:
        down = transition.frames // 2
        yield _dissolve(cut, "Fade to black", down, 0)
        # An EDL counts the black from before the gap, and has no timecode below 0.
        yield otio.schema.Gap("Black", source_range=_range(cut, down, 0))
        yield _dissolve(cut, "Fade from black", 0, transition.frames - down)


def _dissolve(cut: EpisodeCut, name: str, lead: int, lag: int) -> otio.schema.Transition:
    return otio.schema.Transition(
        name, transition_type=DISSOLVE, in_offset=_time(cut, lead), out_offset=_time(cut, lag)
    )


def _sound(cut: EpisodeCut, clip: SoundClip) -> otio.schema.Clip:
    rate = float(cut.form.fps)
    available = TimeRange(RationalTime(0, rate), RationalTime(clip.file.frames_at(cut.form.fps), rate))
    made = otio.schema.Clip(
        one_line(clip.title, MAX_TITLE),
        _external(clip.file, available),
        _range(cut, clip.offset_frames, clip.frames),
    )
    made.metadata["tower"] = {"part": clip.part, **clip.levels}
    return made


def _time(cut: EpisodeCut, frames: int | Fraction) -> RationalTime:
    return RationalTime(float(frames), float(cut.form.fps))


def _range(cut: EpisodeCut, start: int | Fraction, frames: int) -> TimeRange:
    return TimeRange(_time(cut, start), _time(cut, frames))


def relink(timeline: otio.schema.Timeline, paths: Mapping[Path, Path]) -> None:
    """Point every reference to a file at the path that `paths` has for it."""
    by_url = {old.absolute().as_uri(): new.as_uri() for old, new in paths.items()}
    clips = timeline.find_clips()
    for clip in clips:
        reference = clip.media_reference
        if isinstance(reference, otio.schema.ExternalReference):
            reference.target_url = by_url[reference.target_url]
