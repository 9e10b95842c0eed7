"""Writes the file of a format by OpenTimelineIO and counts what stands in it, as its adapters drop parts in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import opentimelineio as otio

from tower.assembly.cut import EpisodeCut
from tower.assembly.editors import edl
from tower.assembly.editors.bundle import write_bundle
from tower.assembly.editors.markers import CutMarker
from tower.assembly.editors.media import ItemSource
from tower.assembly.editors.refusals import count_fades
from tower.assembly.editors.report import ExportFormat
from tower.assembly.editors.sound import SoundClip, in_whole_frames, list_sound
from tower.assembly.editors.timeline import add_markers, add_sound, build_timeline
from tower.errors import TowerError

ADAPTERS = {
    ExportFormat.OTIO: "otio_json",
    ExportFormat.OTIOZ: "otioz",
    ExportFormat.EDL: "cmx_3600",
    ExportFormat.FCPXML7: "fcp_xml",
}


@dataclass(frozen=True)
class WrittenFile:
    """The clips of the track of pictures, and the events that stand for them."""

    clips: int
    events: int


def write_timeline(
    cut: EpisodeCut,
    form: ExportFormat,
    target: Path,
    *,
    sources: Sequence[ItemSource],
    markers: Sequence[CutMarker],
    start_frame: int,
) -> WrittenFile:
    """Write `target`, which must not exist. Raises TowerError if the file does not have every clip."""
    timeline = build_timeline(cut, sources, start_frame=start_frame)
    if form is ExportFormat.EDL:
        text = edl.write_edl(cut, timeline, sources, markers, start_frame=start_frame)
        target.write_text(text, encoding="ascii", newline="\r\n")
        return _check(cut, form, edl.count_events(text), target)
    sound = list_sound(cut, sources)
    if form is ExportFormat.FCPXML7:
        sound = {name: [in_whole_frames(clip) for clip in clips] for name, clips in sound.items()}
        timeline.metadata["fcp_xml"] = _picture_form(cut)
    add_sound(cut, timeline, sound)
    add_markers(cut, timeline, markers)
    if form is ExportFormat.OTIOZ:
        write_bundle(timeline, _files(sources, sound), target)
    else:
        otio.adapters.write_to_file(timeline, str(target), ADAPTERS[form])
    return _check(cut, form, len(cut.items), target)


def _files(sources: Sequence[ItemSource], sound: dict[str, list[SoundClip]]) -> list[Path]:
    shown = [source.file.path for source in sources if source.file]
    return shown + [clip.file.path for clips in sound.values() for clip in clips]


def _picture_form(cut: EpisodeCut) -> dict[str, object]:
    """The adapter copies it into the file; without it an editing program takes the size of its own project."""
    size = {"width": str(cut.form.width), "height": str(cut.form.height)}
    return {"media": {"video": {"format": {"samplecharacteristics": size}}}}


def _check(cut: EpisodeCut, form: ExportFormat, events: int, target: Path) -> WrittenFile:
    """Read the file back and count. Black of a fade is a clip in an EDL and a gap elsewhere."""
    options = {"rate": float(cut.form.fps)} if form is ExportFormat.EDL else {}
    timeline = otio.adapters.read_from_file(str(target), ADAPTERS[form], **options)
    track = timeline.video_tracks()[0]
    clips = sum(isinstance(part, otio.schema.Clip) for part in track)
    black = count_fades(cut) if form is ExportFormat.EDL else 0
    frames = sum(part.duration().value for part in track if not isinstance(part, otio.schema.Transition))
    expected = (len(cut.items) + black, len(cut.items) + black, cut.frames)
    found = (clips, events, round(frames))
    if found != expected:
        raise TowerError(f"The {form} has {found} clips, events and frames, and the cut {expected}")
    return WrittenFile(clips - black, events)
