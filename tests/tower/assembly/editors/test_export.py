"""The formats that hold a timeline, read back with the library; refusals; and what is said to be missing."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from tests.tower.assembly.editors.conftest import Takes, cut_of
from tower.assembly.cut import (
    CUT,
    Card,
    CardKind,
    Chapter,
    Effect,
    EffectKind,
    EpisodeCut,
    Item,
    MediaFile,
    MusicCue,
    SoundRule,
    SpeechCue,
    SubtitleCue,
    Transition,
    TransitionKind,
)
from tower.assembly.editors.export import export_cut
from tower.assembly.editors.markers import CutMarker, MarkerKind
from tower.assembly.editors.report import ExportFormat
from tower.errors import InvalidError

DISSOLVE = Transition(TransitionKind.DISSOLVE, 13)
FADE = Transition(TransitionKind.FADE, 12)
ADAPTERS = {"otio": "otio_json", "otioz": "otioz", "fcpxml7": "fcp_xml"}
TIMELINES = [ExportFormat.OTIO, ExportFormat.OTIOZ, ExportFormat.FCPXML7]


def read(path: Path, form: ExportFormat) -> Any:
    return otio.adapters.read_from_file(str(path), ADAPTERS[form])


def values(time_range: Any) -> tuple[float, float]:
    return time_range.start_time.value, time_range.duration.value


def shown(timeline: Any) -> list[tuple[str, float, float, float]]:
    """Each clip of the pictures: its name, first frame in the film, first frame of the file, frames."""
    track = timeline.video_tracks()[0]
    clips = [part for part in track if isinstance(part, otio.schema.Clip)]
    starts = [track.range_of_child(clip).start_time.value for clip in clips]
    return [(clip.name, start, *values(clip.source_range)) for clip, start in zip(clips, starts, strict=True)]


def offsets(timeline: Any) -> list[tuple[float, float]]:
    parts = [part for part in timeline.video_tracks()[0] if isinstance(part, otio.schema.Transition)]
    return [(part.in_offset.value, part.out_offset.value) for part in parts]


@pytest.mark.parametrize("form", TIMELINES)
def test_clips_meet_within_a_dissolve_and_fades_go_through_black(
    takes: Takes, tmp_path: Path, form: ExportFormat
) -> None:
    late = replace(takes.shot("take_02.mp4", "Two"), first_frame=10, source_frames=30)
    cut = cut_of(takes.shot(), late, takes.shot(title="Three"), transitions=(DISSOLVE, FADE))
    report = export_cut(cut, form, tmp_path / "cut", start_frame=86_400)
    timeline = read(report.path, form)
    assert shown(timeline) == [("One", 0, 0, 41), ("Two", 41, 16, 24), ("Three", 65, 0, 48)]
    assert offsets(timeline) == [(6, 7), (6, 0), (0, 6)]
    assert (timeline.name, timeline.global_start_time.value, timeline.duration().value) == ("Rain", 86_400, 113)
    assert (report.clips, report.frames, report.losses) == (3, 113, ())


@pytest.mark.parametrize("form", TIMELINES)
def test_markers_keep_their_frames_and_names(takes: Takes, tmp_path: Path, form: ExportFormat) -> None:
    cut = replace(cut_of(takes.shot()), chapters=(Chapter(0, "雨 & <rain>"),))
    markers = [CutMarker(47, "note"), CutMarker(12, "beat", MarkerKind.BEAT)]
    report = export_cut(cut, form, tmp_path / "cut", markers=markers)
    found = read(report.path, form).tracks.markers
    assert [(one.name, *values(one.marked_range)) for one in found] == [
        ("雨 & <rain>", 0, 0),
        ("beat", 12, 0),
        ("note", 47, 0),
    ]
    if form is ExportFormat.FCPXML7:
        assert [loss.part for loss in report.losses] == ["markers"]
    else:
        assert [one.color for one in found] == ["GREEN", "CYAN", "YELLOW"]


@pytest.mark.parametrize("form", TIMELINES)
def test_sound_that_overlaps_stands_on_several_tracks(takes: Takes, tmp_path: Path, form: ExportFormat) -> None:
    track, line = (MediaFile(takes.sound(name, seconds), "b" * 64) for name, seconds in (("m.wav", 10), ("l.wav", 1)))
    kept = replace(takes.shot("sounding.mp4", has_sound=True), sound=SoundRule.KEEP)
    cut = replace(
        cut_of(kept, kept, transitions=(DISSOLVE,)),
        music=(MusicCue(track, 10, 30, offset_s=0.5), MusicCue(track, 60, 900)),
        speech=(SpeechCue(line, 50),),
    )
    report = export_cut(cut, form, tmp_path / "cut")
    sounds = [
        [
            (track.range_of_child(part).start_time.value, *values(part.source_range))
            for part in track
            if not isinstance(part, otio.schema.Gap)
        ]
        for track in read(report.path, form).audio_tracks()
    ]
    assert sounds == [[(0, 0, 48)], [(35, 0, 48)], [(50, 0, 24)], [(10, 12, 30), (60, 0, 23)]]
    assert {loss.part for loss in report.losses} == {"items.0", "items.1", "music.0", "music.1", "speech.0"}


def test_a_speed_is_a_time_warp_on_the_take_or_the_rendered_clip(takes: Takes, tmp_path: Path) -> None:
    slow = replace(takes.shot("take_02.mp4", "Slow"), first_frame=8, source_frames=20, speed=Fraction(1, 2))
    cut = cut_of(takes.shot(), slow, transitions=(DISSOLVE,))
    export_cut(cut, ExportFormat.OTIO, tmp_path / "warped")
    warped = read(tmp_path / "warped", ExportFormat.OTIO).find_clips()[1]
    assert (values(warped.source_range), warped.effects[0].time_scalar) == ((11, 34), 0.5)
    clip = takes.video("rendered.mp4", frames=40)
    for form in TIMELINES:
        report = export_cut(cut, form, tmp_path / form, clips={0: clip, 1: clip})
        rendered = read(report.path, form).find_clips()[1]
        assert (values(rendered.source_range), list(rendered.effects)) == ((6, 34), [])
        assert rendered.media_reference.name == "rendered.mp4"
        assert [loss.part for loss in report.losses] == ["items.1"]


def test_an_effect_is_said_to_be_missing_or_is_in_the_rendered_clip(takes: Takes, tmp_path: Path) -> None:
    zoomed = replace(takes.shot(), effect=Effect(EffectKind.ZOOM_IN, 1.2))
    said = {form: export_cut(cut_of(zoomed), form, tmp_path / form).losses for form in ExportFormat}
    assert [loss.message for loss in said[ExportFormat.EDL]] == ["Its effect, zoom_in, is left out"]
    assert [loss.message for loss in said[ExportFormat.OTIO]] == ["Its effect, zoom_in, stands in its metadata only"]
    clip = read(tmp_path / ExportFormat.OTIO, ExportFormat.OTIO).find_clips()[0]
    assert clip.metadata["tower"]["effect"]["kind"] == "zoom_in"
    frozen = replace(takes.shot(), effect=Effect(EffectKind.FREEZE, frames=12), sound=SoundRule.KEEP)
    rendered = {0: takes.video("frozen.mp4", frames=60)}
    for form in ExportFormat:
        report = export_cut(cut_of(frozen), form, tmp_path / form, clips=rendered)
        assert report.frames == 60
        assert "cannot be edited" in report.losses[0].message


def test_otioz_holds_each_file_once_under_a_name_of_its_own(takes: Takes, tmp_path: Path) -> None:
    names = ("take_01.mp4", "other/take_01.mp4", "third/TAKE_01.mp4")
    shots = [takes.shot(name) for name in (*names, names[0])]
    old = shots[2].take.path
    os.utime(old, (0, 0))
    target = tmp_path / "cut.otioz"
    target.write_text("an older export")
    export_cut(cut_of(*shots), ExportFormat.OTIOZ, target)
    with zipfile.ZipFile(target) as archive:
        media = [name for name in archive.namelist() if name.startswith("media/")]
        assert archive.read("media/TAKE_01-3.mp4") == old.read_bytes()
    assert media == ["media/take_01.mp4", "media/take_01-2.mp4", "media/TAKE_01-3.mp4"]
    clips = read(target, ExportFormat.OTIOZ).find_clips()
    assert [clip.media_reference.target_url for clip in clips] == [*media, media[0]]


@pytest.mark.parametrize("form", list(ExportFormat))
def test_equal_shots_are_as_many_clips(takes: Takes, tmp_path: Path, form: ExportFormat) -> None:
    shot = takes.shot()
    assert export_cut(cut_of(shot, shot, shot), form, tmp_path / "cut").clips == 3


@pytest.mark.parametrize("form", list(ExportFormat))
def test_everything_that_a_format_leaves_out_is_said(takes: Takes, tmp_path: Path, form: ExportFormat) -> None:
    card = Card(CardKind.END, ("The end",), 24)
    cut = replace(
        cut_of(takes.shot(), card),
        subtitles=(SubtitleCue(0, 5, "It rains"),),
        cover=Path("/cover.png"),
        tags={"title": "Rain", "show": "Weather"},
    )
    parts = [loss.part for loss in export_cut(cut, form, tmp_path / "cut").losses]
    plain = ["tags"] if form in (ExportFormat.EDL, ExportFormat.FCPXML7) else []
    assert parts == ["items.1", "subtitles", "cover", *plain]


def refusals(takes: Takes) -> dict[str, tuple[EpisodeCut, set[ExportFormat], dict[str, Any]]]:
    """By the field that is refused: a cut, the formats that refuse it, and options."""
    shot, one = takes.shot(), Transition(TransitionKind.DISSOLVE, 1)
    twelve = replace(takes.shot(), take=MediaFile(takes.video("twelve.mp4", fps=Fraction(12)), "c" * 64))
    every, plain = set(ExportFormat), {ExportFormat.EDL, ExportFormat.FCPXML7}
    short = replace(shot, source_frames=13)
    frozen = replace(shot, effect=Effect(EffectKind.FREEZE, frames=12))
    gone = replace(shot, take=MediaFile(takes.folder / "gone.mp4", "d" * 64))
    many: tuple[Item, ...] = (replace(shot, source_frames=1),) * 1000
    return {
        "form.fps": (cut_of(twelve, fps=Fraction(12)), plain, {}),
        "items.1.speed": (cut_of(shot, replace(shot, speed=Fraction(2))), plain, {}),
        "items.1.effect": (cut_of(shot, frozen), plain, {}),
        "items.1.take": (cut_of(shot, twelve), plain, {}),
        "items.0.take": (cut_of(gone), every, {}),
        "items.0.source_frames": (cut_of(replace(shot, first_frame=1)), every, {}),
        "items.0.clip": (cut_of(replace(shot, speed=Fraction(2))), every, {"clips": {0: shot.take.path}}),
        "items.0": (cut_of(short, shot, transitions=(DISSOLVE,)), {ExportFormat.EDL}, {}),
        "transitions.0.frames": (cut_of(shot, shot, transitions=(replace(FADE, frames=1),)), every, {}),
        "transitions.1.frames": (cut_of(shot, shot, shot, transitions=(CUT, one)), {ExportFormat.FCPXML7}, {}),
        "items": (cut_of(*many), {ExportFormat.EDL}, {}),
        "start_frame": (cut_of(shot), plain, {"start_frame": 24 * 86_400 - 48}),
        "markers.0.frame": (cut_of(shot), every, {"markers": [CutMarker(48, "late")]}),
    }


@pytest.mark.parametrize(
    "field",
    [
        "form.fps",
        "items.1.speed",
        "items.1.effect",
        "items.1.take",
        "items.0.take",
        "items.0.source_frames",
        "items.0.clip",
        "items.0",
        "transitions.0.frames",
        "transitions.1.frames",
        "items",
        "start_frame",
        "markers.0.frame",
    ],
)
def test_what_a_format_cannot_hold_is_refused_by_name_and_writes_nothing(
    takes: Takes, tmp_path: Path, field: str
) -> None:
    cut, refusing, options = refusals(takes)[field]
    for form in sorted(refusing):
        with pytest.raises(InvalidError) as caught:
            export_cut(cut, form, tmp_path / "cut", **options)
        assert caught.value.details is not None
        assert caught.value.details["field"] == field
    assert list(tmp_path.iterdir()) == []
