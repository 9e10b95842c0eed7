"""CMX 3600: one track of pictures, reels of eight letters, and text in ASCII."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import opentimelineio as otio

from tower.assembly.cut import EpisodeCut
from tower.assembly.editors.markers import CutMarker
from tower.assembly.editors.media import ItemSource
from tower.assembly.editors.timeline import item_title

_EVENT = re.compile(r"^(\d{3,}) ", re.MULTILINE)
MARKER_COLOR = "RED"


def write_edl(
    cut: EpisodeCut,
    timeline: otio.schema.Timeline,
    sources: Sequence[ItemSource],
    markers: Sequence[CutMarker],
    *,
    start_frame: int,
) -> str:
    """The text of the EDL. `timeline` has only pictures, and is changed."""
    track = timeline.tracks[0]
    clips = [part for part in track if isinstance(part, otio.schema.Clip)]
    reels = _name_reels(sources)
    for clip, source, marked in zip(clips, sources, _by_event(cut, markers), strict=True):
        clip.name = ascii_text(item_title(source), source.name)
        clip.metadata["cmx_3600"] = {
            "reel": reels[source.name],
            "comments": [
                *_reference_comments(clip),
                *(_locator(cut, marker, start_frame) for marker in marked),
            ],
        }
    timeline.name = ascii_text(timeline.name, "EPISODE")
    rate = float(cut.form.fps)
    if start_frame:  # the adapter ignores the global start
        start = otio.opentime.TimeRange(duration=otio.opentime.RationalTime(start_frame, rate))
        track.insert(0, otio.schema.Gap(source_range=start))
    text = otio.adapters.write_to_string(timeline, "cmx_3600", rate=rate)
    return "\n".join(_completed(text)) + "\n"


def count_events(text: str) -> int:
    """The events of an EDL. The two lines of a dissolve have one number."""
    return len(set(_EVENT.findall(text)))


def ascii_text(text: str, stand_in: str) -> str:
    """The text if it is ASCII, as many readers take nothing else, or `stand_in`."""
    return text if text.isascii() else stand_in


def _name_reels(sources: Sequence[ItemSource]) -> dict[str, str]:
    """A reel for each file, by the name of the item. Names of files, cut to eight letters, would collide."""
    reels: dict[Path | str, str] = {}
    for source in sources:
        key = source.file.path if source.file else source.name
        reels.setdefault(key, f"{'TAKE' if source.file else 'CARD'}{len(reels) + 1:04}")
    return {source.name: reels[source.file.path if source.file else source.name] for source in sources}


def _reference_comments(clip: otio.schema.Clip) -> Iterator[str]:
    """A reader that takes the last reference of an event links the second clip of a dissolve to its own file by it."""
    if isinstance(clip.media_reference, otio.schema.ExternalReference):
        yield f"OTIO REFERENCE CLIP: {clip.media_reference.target_url}"


def _by_event(cut: EpisodeCut, markers: Sequence[CutMarker]) -> list[list[CutMarker]]:
    """The markers of each item: those from the beginning of its event until the next one."""
    spans = pairwise((*cut.starts, cut.frames))
    return [[one for one in markers if start <= one.frame < end] for start, end in spans]


def _locator(cut: EpisodeCut, marker: CutMarker, start_frame: int) -> str:
    time = otio.opentime.RationalTime(start_frame + marker.frame, float(cut.form.fps))
    name = ascii_text(marker.name, marker.kind.value.upper())
    return f"LOC: {otio.opentime.to_timecode(time)} {MARKER_COLOR:7} {name}"


def _completed(text: str) -> Iterator[str]:
    """The lines with the kind of timecode, and each marker once: the adapter repeats a clip's at the next dissolve."""
    seen = set()
    for line in text.splitlines():
        if line.startswith("* LOC:"):
            if line in seen:
                continue
            seen.add(line)
        yield line
        if line.startswith("TITLE:"):
            yield f"FCM: {'DROP FRAME' if _has_dropped(text) else 'NON-DROP FRAME'}"


def _has_dropped(text: str) -> bool:
    return re.search(r"\d\d:\d\d:\d\d;\d\d", text) is not None
