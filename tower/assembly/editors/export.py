"""Writes a cut for an editing program, reads it back, and reports what the format does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tower.assembly.cut import EpisodeCut, check_cut
from tower.assembly.editors.losses import list_losses
from tower.assembly.editors.markers import CutMarker, list_markers
from tower.assembly.editors.media import find_sources
from tower.assembly.editors.refusals import check_export
from tower.assembly.editors.report import ExportFormat, ExportReport
from tower.media.files import write_atomically

NO_CLIPS: Mapping[int, Path] = {}


def export_cut(
    cut: EpisodeCut,
    form: ExportFormat,
    target: Path,
    *,
    clips: Mapping[int, Path] = NO_CLIPS,
    markers: Iterable[CutMarker] = (),
    start_frame: int = 0,
) -> ExportReport:
    """Write `cut` to `target`, which is replaced. Its chapters become markers beside `markers`.

    `clips` has rendered clips by the number of their item; one is used for a card, and for a shot whose take does not
    have the form of the film. The timecode of the film starts at `start_frame`.

    Raises InvalidError, which names the part that the format cannot hold or whose file cannot be read.
    """
    check_cut(cut)
    marked = list_markers(cut, markers)
    sources = find_sources(cut, clips)
    check_export(cut, form, sources, start_frame)
    # OpenTimelineIO takes its time to import, and only an export needs it.
    from tower.assembly.editors.writing import write_timeline

    with write_atomically(target) as part:
        written = write_timeline(cut, form, part, sources=sources, markers=marked, start_frame=start_frame)
    losses = list_losses(cut, form, sources, marked)
    return ExportReport(target, form, written.clips, written.events, cut.frames, losses)
