"""The film of the golden episode, measured, and what is done again after a change, a kill or a cancellation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from tests.tower.assembly.conftest import GoldenFilm
from tests.tower.assembly.golden import (
    RATE_HZ,
    SCENES,
    SIZE,
    Samples,
    read_chapter,
    read_frames,
    read_mono,
    read_subtitles,
)
from tests.tower.conform.flashes import match_clicks
from tests.tower.media.numbered import read_number, read_shade
from tower.assembly.clips import head_frames, tail_frames
from tower.assembly.cut import EpisodeCut, Shot
from tower.assembly.film import assemble
from tower.conform.loudness import measure_loudness
from tower.conform.sound import MusicExcerpt, decode_stereo
from tower.errors import CancelledError
from tower.media.probe import probe

EXACT_S = 0.003
STRETCHED_S = 0.5 / 24  # half a frame, of sound at another speed
Frames = list[npt.NDArray[np.uint8]]


@pytest.fixture(scope="module")
def frames(golden: GoldenFilm) -> Frames:
    return read_frames(golden.path)


@pytest.fixture(scope="module")
def mono(golden: GoldenFilm) -> Samples:
    return read_mono(golden.path)


def test_ten_scenes_begin_and_end_with_their_own_frames(golden: GoldenFilm, frames: Frames) -> None:
    numbers = [read_number(frame) for frame in frames]
    assert len(numbers) == golden.cut.frames == golden.result.frames
    for number, scene in enumerate(SCENES, 1):
        before, after = golden.cut.transitions[number - 1 : number + 1]
        first, end = head_frames(before), scene.length - tail_frames(after)
        shown = numbers[golden.cut.starts[number] :][first:end]
        assert (shown[0], shown[-1]) == (scene.number_at(first), scene.number_at(end - 1))
        if scene.speed >= 1:
            assert shown == [scene.number_at(frame) for frame in range(first, end)]


def test_a_dissolve_shows_both_scenes_and_a_fade_is_black_between_them(golden: GoldenFilm, frames: Frames) -> None:
    two, three = golden.cut.starts[2:4]
    shades = [read_shade(frame) for frame in frames[two : two + 4]]
    step = SCENES[1].shade - SCENES[0].shade
    assert shades == pytest.approx([SCENES[0].shade + step * share / 5 for share in range(1, 5)], abs=4)
    assert frames[three - 1][: SIZE[1]].max() <= 20
    assert read_shade(frames[three]) < read_shade(frames[three + 1]) < read_shade(frames[three + 2]) < SCENES[2].shade


def test_a_copied_scene_is_exact_to_the_packet(golden: GoldenFilm, frames: Frames) -> None:
    take = read_frames(golden.material.takes[0].path)
    start = golden.cut.starts[1]
    assert all(np.array_equal(frames[start + number], take[number]) for number in range(10))
    result = golden.result
    assert (result.clips_as_they_are, result.clips_encoded, result.seams_encoded) == (4, 8, 5)


def test_the_file_is_h264_at_a_constant_rate_with_its_index_first(golden: GoldenFilm) -> None:
    found = probe(golden.path)
    assert (found.codec, found.pixel_format, found.width, found.height) == ("h264", "yuv420p", *SIZE)
    assert (found.fps, found.frames, found.faststart) == (Fraction(24), golden.cut.frames, True)
    assert found.timing_error_ms < 0.02
    assert found.audio is not None
    assert (found.audio.codec, found.audio.rate_hz, found.audio.channels) == ("aac", 48_000, 2)
    assert found.audio.duration_s == pytest.approx(golden.cut.duration_s, abs=0.022)


def test_the_click_of_every_scene_is_heard_with_its_flash(golden: GoldenFilm, frames: Frames, mono: Samples) -> None:
    clicks_s = match_clicks(mono, RATE_HZ)
    for number, scene in enumerate(SCENES, 1):
        start, length = golden.cut.starts[number], golden.cut.items[number].frames
        shown = start + int(np.argmax([read_shade(frame) for frame in frames[start : start + length]]))
        assert shown - start in scene.flash_frames
        late_s = min((click_s - shown / 24 for click_s in clicks_s), key=abs)
        assert late_s == pytest.approx(0, abs=EXACT_S if scene.speed == 1 else STRETCHED_S)


def test_loudness_and_true_peak_of_the_file_are_on_target(golden: GoldenFilm) -> None:
    found = measure_loudness(decode_stereo(MusicExcerpt(golden.path)), check_alive=lambda: None)
    assert found.lufs == pytest.approx(-16.0, abs=0.5)
    assert found.peak_dbtp is not None
    assert found.peak_dbtp <= -1.0
    assert golden.result.lufs == pytest.approx(found.lufs, abs=0.11)
    assert golden.result.sound_note is None


def test_music_is_lower_while_a_line_is_spoken(golden: GoldenFilm, mono: Samples) -> None:
    def level_of(at_s: float) -> float:
        part = mono[round(at_s * 48_000) :][:9600]
        tone = np.exp(-2j * np.pi * 220 * np.arange(len(part)) / 48_000)
        return float(20 * np.log10(abs(np.mean(part * tone))))

    spoken_s = (golden.cut.starts[1] + 6) / 24
    assert level_of(spoken_s + 0.4) - level_of(spoken_s + 2.5) == pytest.approx(-9.0, abs=1.0)


def test_chapters_subtitles_cover_and_tags_are_in_the_file(golden: GoldenFilm) -> None:
    with av.open(str(golden.path)) as container:
        chapters = [read_chapter(chapter) for chapter in container.chapters()]
        tags = dict(container.metadata)
        cover = container.streams.video[1]
        assert (cover.width, cover.height, cover.codec_context.name) == (60, 90, "mjpeg")
    starts = golden.cut.starts
    assert [title for title, _ in chapters] == ["Neon Rain 1", *(f"シーン {number}" for number in range(1, 11))]
    begins = [begin for _, begin in chapters]
    assert begins == pytest.approx([0, *(start / 24 for start in starts[1:11])], abs=0.001)
    assert golden.cut.tags.items() <= tags.items()
    assert tags["comment"] == golden.cut.origin
    lines = read_subtitles(golden.path)
    assert [text for _, _, text in lines["eng"]] == ["Where were you?", "Where were you?\nHere.", "Here."]
    [(begin, end, text)] = lines["jpn"]
    assert [begin, end] == pytest.approx([(starts[1] + 6) / 24, (starts[1] + 30) / 24], abs=0.022)
    assert text == "どこにいたの?"


def test_progress_grows_to_1(golden: GoldenFilm) -> None:
    assert list(golden.shares) == sorted(set(golden.shares))
    assert golden.shares[-1] == 1.0


def test_an_equal_cut_makes_no_work(golden: GoldenFilm) -> None:
    before = golden.path.stat()
    result = assemble(golden.cut, golden.path, golden.cache)
    assert (result.is_unchanged, result.lufs, result.frames) == (True, golden.result.lufs, golden.cut.frames)
    assert result.total_s < 1
    assert golden.path.stat() == before


def test_a_changed_scene_makes_one_clip_its_seams_and_the_sound(golden: GoldenFilm, tmp_path: Path) -> None:
    items = list(golden.cut.items)
    foreign = items[2]
    assert isinstance(foreign, Shot)
    items[2] = replace(foreign, first_frame=8)
    result = assemble(replace(golden.cut, items=tuple(items)), tmp_path / "film.mp4", golden.cache)
    assert (result.clips_encoded, result.clips_cached, result.clips_as_they_are, result.seams_encoded) == (1, 7, 4, 2)


def test_a_missing_or_touched_film_is_written_again_from_the_cache(golden: GoldenFilm, tmp_path: Path) -> None:
    result = assemble(golden.cut, tmp_path / "film.mp4", golden.cache)
    assert (result.is_unchanged, result.clips_encoded, result.seams_encoded) == (False, 0, 0)
    assert (tmp_path / "film.mp4").read_bytes() == golden.path.read_bytes()


@pytest.mark.parametrize("pattern", ["cache/*/*", ".film.*.part*"], ids=["parts", "film"])
def test_a_cancelled_assembly_leaves_the_target_and_goes_on_later(
    golden: GoldenFilm, tmp_path: Path, pattern: str
) -> None:
    cut = EpisodeCut(golden.cut.form, golden.cut.items[2:4], golden.cut.transitions[2:3])
    target, cache = tmp_path / "film.mp4", tmp_path / "cache"
    target.write_bytes(b"before")
    with pytest.raises(CancelledError):
        assemble(cut, target, cache, cancelled=lambda: any(tmp_path.glob(pattern)))
    assert target.read_bytes() == b"before"
    assert not list(tmp_path.rglob("*.part*"))
    assert assemble(cut, target, cache).frames == cut.frames
