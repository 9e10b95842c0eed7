"""CMX 3600, read back by a reader of our own and by the library."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest

from tests.tower.assembly.editors.conftest import Takes, cut_of
from tests.tower.assembly.editors.edl_text import EdlLine, read_edl, read_locators
from tower.assembly.cut import Card, CardKind, Chapter, EpisodeCut, Transition, TransitionKind
from tower.assembly.editors.export import export_cut
from tower.assembly.editors.markers import CutMarker
from tower.assembly.editors.report import ExportFormat, ExportReport

DISSOLVE = Transition(TransitionKind.DISSOLVE, 13)
FADE = Transition(TransitionKind.FADE, 12)
HOUR = 24 * 3600


def export(cut: EpisodeCut, folder: Path, *markers: CutMarker, start_frame: int = 0) -> tuple[ExportReport, str]:
    target = folder / "rain.edl"
    report = export_cut(cut, ExportFormat.EDL, target, markers=markers, start_frame=start_frame)
    return report, target.read_text("ascii")


def test_cuts_dissolves_and_fades_stand_at_their_frames(takes: Takes, tmp_path: Path) -> None:
    late = replace(takes.shot("take_02.mp4"), first_frame=10, source_frames=30)
    cut = cut_of(takes.shot(), late, takes.shot(), transitions=(DISSOLVE, FADE))
    report, text = export(cut, tmp_path, start_frame=HOUR)
    assert read_edl(text, 24) == [
        EdlLine(1, "TAKE0001", 0, (0, 35), (HOUR, HOUR + 35)),
        EdlLine(2, "TAKE0001", 0, (35, 35), (HOUR + 35, HOUR + 35)),
        EdlLine(2, "TAKE0002", 13, (10, 34), (HOUR + 35, HOUR + 59)),
        EdlLine(3, "TAKE0002", 0, (34, 34), (HOUR + 59, HOUR + 59)),
        EdlLine(3, "BL", 6, (0, 6), (HOUR + 59, HOUR + 65)),
        EdlLine(4, "BL", 0, (6, 6), (HOUR + 65, HOUR + 65)),
        EdlLine(4, "TAKE0001", 6, (0, 48), (HOUR + 65, HOUR + 113)),
    ]
    assert (report.clips, report.events, report.frames) == (3, 4, 113)
    assert "FCM: NON-DROP FRAME" in text


def test_the_library_links_each_clip_of_a_dissolve_to_its_own_file(takes: Takes, tmp_path: Path) -> None:
    shots = [takes.shot(name) for name in ("take_01.mp4", "other/take_01.mp4", "雨.mp4")]
    export(cut_of(*shots, transitions=(DISSOLVE, DISSOLVE)), tmp_path)
    timeline = otio.adapters.read_from_file(str(tmp_path / "rain.edl"), "cmx_3600", rate=24)
    clips = timeline.find_clips()
    assert [clip.media_reference.target_url for clip in clips] == [shot.take.path.as_uri() for shot in shots]
    assert [clip.metadata["cmx_3600"]["reel"] for clip in clips] == ["TAKE0001", "TAKE0002", "TAKE0003"]


def test_markers_stand_once_each_at_the_time_of_the_film(takes: Takes, tmp_path: Path) -> None:
    cut = cut_of(takes.shot(), takes.shot("take_02.mp4"), transitions=(DISSOLVE,))
    cut = replace(cut, chapters=(Chapter(0, "One"), Chapter(35, "雨")))
    report, text = export(cut, tmp_path, CutMarker(40, "line 1\nline 2"), CutMarker(5, "early"), start_frame=HOUR)
    expected = [(0, "One"), (5, "early"), (35, "CHAPTER"), (40, "line 1 line 2")]
    assert read_locators(text, 24) == [(HOUR + frame, name) for frame, name in expected]
    assert "Named by their kind, as an EDL holds ASCII: 1 of 4" in [loss.message for loss in report.losses]


def test_a_card_that_is_not_rendered_is_a_clip_without_a_file(takes: Takes, tmp_path: Path) -> None:
    cut = cut_of(Card(CardKind.TITLE, ("夜", "Rain"), 24), takes.shot())
    report, text = export(cut, tmp_path)
    assert [(line.reel, line.record) for line in read_edl(text, 24)] == [
        ("CARD0001", (0, 24)),
        ("TAKE0002", (24, 72)),
    ]
    assert [loss.part for loss in report.losses] == ["items.0", "items.0"]


@pytest.mark.parametrize("base", [24, 30, 60])
def test_rates_of_television_keep_their_frames_over_many_minutes(takes: Takes, tmp_path: Path, base: int) -> None:
    fps = Fraction(base * 1000, 1001)
    name = f"ntsc_{base}.mp4"
    takes.video(name, fps=fps)
    start = base * 60 * 11 + 7  # after dropped numbers
    _, text = export(cut_of(takes.shot(name), takes.shot(name), fps=fps), tmp_path, start_frame=start)
    assert [line.record for line in read_edl(text, base)] == [(start, start + 48), (start + 48, start + 96)]
    assert ("FCM: NON-DROP FRAME" in text) is (base == 24)
