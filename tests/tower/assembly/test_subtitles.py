"""Subtitle files, read back with another reader, and lines of which one is seen at a time."""

from __future__ import annotations

from fractions import Fraction

import pysubs2
import pytest

from tower.assembly.cut import SubtitleCue
from tower.assembly.subtitles import SubtitleFormat, SubtitleLine, cue_ms, split_overlaps, write_subtitles

FPS = Fraction(24)
AWKWARD = "Look {left}\n\n\nif a < b & c --> d \\N e"


@pytest.mark.parametrize("kind", SubtitleFormat)
def test_cues_come_back_in_order_with_their_times(kind: SubtitleFormat) -> None:
    cues = [
        SubtitleCue(48, 96, "後で"),
        SubtitleCue(0, 24, "Now", "Rin"),
        SubtitleCue(30, 30, "gone"),
        SubtitleCue(31, 40, " "),
    ]
    read = pysubs2.SSAFile.from_string(write_subtitles(cues, FPS, kind))
    assert [event.plaintext for event in read] == ["Now", "後で"]
    rounded = 10 if kind is SubtitleFormat.ASS else 1
    assert [event.start for event in read] == pytest.approx([0, 1979], abs=rounded)
    assert [event.end for event in read] == pytest.approx([979, 3979], abs=rounded)


@pytest.mark.parametrize("kind", SubtitleFormat)
def test_no_part_of_a_line_is_read_as_a_command(kind: SubtitleFormat) -> None:
    text = write_subtitles([SubtitleCue(0, 24, AWKWARD)], FPS, kind)
    read = pysubs2.SSAFile.from_string(text, format_=kind.value, keep_html_tags=True)
    assert len(read) == 1
    shown = read[0].plaintext.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("→", "-->")
    assert shown == "Look ｛left｝\nif a < b & c --> d ＼N e"


def test_nothing_to_say_is_an_empty_file() -> None:
    assert "-->" not in write_subtitles([], FPS, SubtitleFormat.VTT)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(24_000, 1001), Fraction(25), Fraction(30)])
def test_a_cue_is_nearer_to_its_frame_than_to_the_one_before(fps: Fraction) -> None:
    for frame in range(1, 2000):
        assert frame - 1 < cue_ms(frame, fps) * fps / 1000 < frame


def test_overlapping_cues_become_lines_below_each_other() -> None:
    cues = [SubtitleCue(0, 10, "one"), SubtitleCue(5, 15, "two"), SubtitleCue(15, 20, "two")]
    assert split_overlaps(cues) == [
        SubtitleLine(0, 5, "one"),
        SubtitleLine(5, 10, "one\ntwo"),
        SubtitleLine(10, 15, "two"),
        SubtitleLine(15, 20, "two"),
    ]
