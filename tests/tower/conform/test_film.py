"""The properties of a conformed film other than its timing: format, levels, fades, atomic output, flat memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from db.models.music import FrameTiming
from tests.tower.conform.conftest import CLICKS_S, FPS, FRAMES, ConformedFilm, build_plan
from tests.tower.conform.flashes import Samples, write_film, write_track
from tests.tower.media.numbered import ClipFormat, draw_planes, read_clip, read_number, write_clip
from tower.conform.film import ConformError, WriteMethod, conform_video
from tower.conform.loudness import PEAK_DBTP, TARGET_LUFS, measure_loudness
from tower.conform.sound import RATE_HZ, MusicExcerpt, read_samples
from tower.conform.timing import frame_times, source_frames
from tower.errors import CancelledError
from tower.media.decode import MediaUnreadableError
from tower.sync.grid import BeatGrid, GridSource, build_even_grid
from tower.sync.plan import SourceClip, SyncPoint
from tower.sync.planning import plan_cuts


def mono(path: Path) -> Samples:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)])


def test_the_file_has_the_expected_format(conformed: ConformedFilm) -> None:
    probe = conformed.result.probe
    assert (probe.frames, probe.codec, probe.faststart, probe.fault) == (FRAMES, "h264", True, None)
    assert probe.audio is not None
    assert (probe.audio.codec, probe.audio.rate_hz, probe.audio.channels) == ("aac", 48_000, 2)
    assert probe.audio.duration_s == pytest.approx(FRAMES / FPS, abs=0.03)
    with av.open(str(conformed.path)) as container:
        assert container.metadata["comment"] == "flashes"
        assert float(container.duration or 0) / av.time_base == pytest.approx(FRAMES / FPS, abs=0.03)


def test_a_constant_rate_is_encoded_and_a_variable_one_is_copied(conformed: ConformedFilm) -> None:
    if conformed.plan.timing == FrameTiming.CONSTANT:
        assert conformed.result.probe.fps == FPS
        assert conformed.result.probe.timing_error_ms == 0
        assert conformed.result.method == WriteMethod.ENCODED
        assert conformed.result.reason_encoded
    else:
        assert (conformed.result.method, conformed.result.reason_encoded) == (WriteMethod.COPIED, None)


def numbered(folder: Path, frames: int, form: ClipFormat | None = None) -> Path:
    form = form or ClipFormat()
    return write_clip(folder / "numbered.mp4", (draw_planes(n, 60, form.size) for n in range(frames)), form)


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    return write_track(tmp_path / "clicks.flac", CLICKS_S, duration_s=7.0)


def test_every_frame_of_a_constant_rate_is_the_planned_one(tmp_path: Path, clicks: Path) -> None:
    plan = build_plan(FrameTiming.CONSTANT)
    target = tmp_path / "out.mp4"
    conform_video(numbered(tmp_path, FRAMES), MusicExcerpt(clicks, 0.731), plan, target)
    assert [read_number(frame) for frame in read_clip(target)] == source_frames(plan)
    with av.open(str(target)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size and packet.is_keyframe]
    keys = [round(float((packet.pts or 0) * packet.time_base) * FPS) for packet in packets]
    assert {cut.at_frame for cut in plan.cuts} <= set(keys)


def test_every_frame_of_a_variable_rate_keeps_its_own_time(tmp_path: Path, clicks: Path) -> None:
    plan = build_plan(FrameTiming.VARIABLE)
    source, target = numbered(tmp_path, FRAMES), tmp_path / "out.mp4"
    conform_video(source, MusicExcerpt(clicks, 0.731), plan, target)
    assert all(
        (source_frame == target_frame).all()
        for source_frame, target_frame in zip(read_clip(source), read_clip(target), strict=True)
    )
    with av.open(str(target)) as container:
        times = [float(frame.time or 0) for frame in container.decode(video=0)]
    assert times == pytest.approx([ticks / 90_000 for ticks in frame_times(plan)], abs=2e-5)


def test_frames_that_need_not_move_are_copied(tmp_path: Path, clicks: Path) -> None:
    still = plan_cuts(
        SourceClip(48, Fraction(24)),
        [SyncPoint(24)],
        build_even_grid(120, 0, 7, GridSource.ANALYSED),
        timing=FrameTiming.CONSTANT,
        offset_s=0.0,
    )
    source, target = numbered(tmp_path, 48), tmp_path / "out.mp4"
    assert conform_video(source, MusicExcerpt(clicks), still, target).method == WriteMethod.COPIED
    assert all(
        (source_frame == target_frame).all()
        for source_frame, target_frame in zip(read_clip(source), read_clip(target), strict=True)
    )


@pytest.mark.parametrize("fps", [Fraction(24_000, 1001), Fraction(25), Fraction(60), Fraction(12)])
@pytest.mark.parametrize("timing", FrameTiming)
def test_any_frame_rate_is_kept(tmp_path: Path, clicks: Path, fps: Fraction, timing: FrameTiming) -> None:
    clip = SourceClip(round(4 * fps), fps)
    points = [SyncPoint(round(time * fps)) for time in (0.0, 1.0, 2.2)]
    plan = plan_cuts(clip, points, BeatGrid(CLICKS_S, (1.0,) * len(CLICKS_S), 7.0), timing=timing)
    result = conform_video(
        numbered(tmp_path, clip.frames, ClipFormat(rate=fps)), MusicExcerpt(clicks, 0.731), plan, tmp_path / "o.mp4"
    )
    assert result.measurement.worst_ms is not None
    assert result.measurement.worst_ms <= (float(500 / fps) + 0.02 if timing == FrameTiming.CONSTANT else 0.02)


def test_a_codec_that_cannot_be_copied_is_encoded_at_the_same_times(tmp_path: Path, clicks: Path) -> None:
    form = ClipFormat(codec="mpeg4", options={"qscale": "2"})
    result = conform_video(
        numbered(tmp_path, FRAMES, form),
        MusicExcerpt(clicks, 0.731),
        build_plan(FrameTiming.VARIABLE),
        tmp_path / "out.mp4",
    )
    assert (result.method, result.reason_encoded, result.probe.codec) == (
        WriteMethod.ENCODED,
        "it is not H.264",
        "h264",
    )
    assert result.measurement.worst_ms == pytest.approx(0, abs=0.02)


def test_music_is_normalised_and_its_peak_is_kept_below_the_limit(tmp_path: Path, conformed: ConformedFilm) -> None:
    rng = np.random.default_rng(7)
    noise = (0.01 * rng.standard_normal((1, 44_100 * 6))).astype(np.float32)
    quiet = tmp_path / "quiet.wav"
    with av.open(str(quiet), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(noise, format="flt", layout="mono")
        frame.sample_rate, frame.pts = 44_100, 0
        assert isinstance(stream, av.AudioStream)
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    conform_video(conformed.video, MusicExcerpt(quiet), replace(conformed.plan, offset_s=0.0), tmp_path / "out.mp4")
    loudness = measure_loudness(read_samples(MusicExcerpt(tmp_path / "out.mp4"), 5.0), check_alive=lambda: None)
    assert loudness.lufs == pytest.approx(TARGET_LUFS, abs=1)
    clicks = measure_loudness(read_samples(MusicExcerpt(conformed.path), 5.0), check_alive=lambda: None)
    assert clicks.peak_dbtp is not None
    assert clicks.peak_dbtp <= PEAK_DBTP + 1  # AAC overshoots.


def test_volume_and_fades_are_applied(tmp_path: Path, conformed: ConformedFilm) -> None:
    target = tmp_path / "out.mp4"
    tone = write_track(tmp_path / "tone.wav", (), duration_s=7.0)
    music = MusicExcerpt(tone, duration_s=4.0, volume=0.5, fade_in_s=1.0, fade_out_s=2.0)
    result = conform_video(conformed.video, music, replace(conformed.plan, offset_s=0.0), target)
    sound = mono(target)

    def level(from_s: float, to_s: float) -> float:
        return float(np.abs(sound[round(from_s * RATE_HZ) : round(to_s * RATE_HZ)]).max())

    full = 0.02 * result.loudness.gain * 0.5  # one channel, at its level on both sides
    assert level(1.2, 1.9) == pytest.approx(full, rel=0.05)
    assert level(0.45, 0.5) == pytest.approx(full * 0.5, rel=0.1)
    assert level(2.95, 3.0) == pytest.approx(full * 0.525, rel=0.1)
    assert level(4.1, 4.9) < full * 0.01


def test_silence_stays_silent_and_short_music_is_followed_by_silence(tmp_path: Path, conformed: ConformedFilm) -> None:
    short = MusicExcerpt(write_track(tmp_path / "short.wav", (0.5, 1.0), duration_s=2.0))
    conform_video(conformed.video, short, replace(conformed.plan, offset_s=0.0), tmp_path / "out.mp4")
    sound = mono(tmp_path / "out.mp4")
    assert len(sound) == pytest.approx(5 * RATE_HZ, abs=2048)
    assert np.abs(sound[round(2.1 * RATE_HZ) :]).max() < 1e-3


def test_cancelling_midway_leaves_nothing(tmp_path: Path, conformed: ConformedFilm) -> None:
    target = tmp_path / "out.mp4"

    def cancel_after(calls: int) -> Callable[[], None]:
        remaining_calls = iter(range(calls))

        def check_alive_until_cancelled() -> None:
            if next(remaining_calls, None) is None:
                raise CancelledError("Generation 1 was cancelled")

        return check_alive_until_cancelled

    for calls in (1, 100):
        with pytest.raises(CancelledError):
            conform_video(conformed.video, conformed.music, conformed.plan, target, check_alive=cancel_after(calls))
        assert sorted(path.name for path in tmp_path.iterdir()) == []


def test_a_plan_for_another_video_is_refused(tmp_path: Path, conformed: ConformedFilm) -> None:
    with pytest.raises(ConformError, match="48 frames and the plan is for 120"):
        conform_video(numbered(tmp_path, 48), conformed.music, conformed.plan, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("content", [b"", b"no sound", b"ID3" + bytes(1000)])
def test_a_file_that_is_not_music_is_refused(tmp_path: Path, conformed: ConformedFilm, content: bytes) -> None:
    (tmp_path / "odd.mp3").write_bytes(content)
    with pytest.raises(MediaUnreadableError):
        conform_video(conformed.video, MusicExcerpt(tmp_path / "odd.mp3"), conformed.plan, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    """Conforming a film of ten times the length needs little more memory."""
    music = write_track(tmp_path / "long.wav", (), duration_s=105.0)
    peaks = []
    for seconds in (10, 100):
        video = write_film(tmp_path / f"{seconds}.mp4", (), frames=seconds * FPS)
        script = (
            "from fractions import Fraction; from pathlib import Path\n"
            "from db.models.music import FrameTiming; from tower.conform.film import conform_video\n"
            "from tower.conform.sound import MusicExcerpt; from tower.sync.grid import GridSource, build_even_grid\n"
            "from tower.sync.plan import SourceClip, SyncPoint; from tower.sync.planning import plan_cuts\n"
            f"clip = SourceClip({seconds * FPS}, Fraction({FPS}))\n"
            "beats = build_even_grid(100, 0, 105, GridSource.ANALYSED)\n"
            "plan = plan_cuts(clip, [SyncPoint(125)], beats, timing=FrameTiming.CONSTANT)\n"
            f"music, target = MusicExcerpt(Path({str(music)!r})), Path({str(tmp_path / 'out.mp4')!r})\n"
            f"conform_video(Path({str(video)!r}), music, plan, target)\n"
            "[line] = (line for line in open('/proc/self/status') if line.startswith('VmHWM:'))\n"
            "print(line.split()[1])\n"  # ru_maxrss would count the memory of the process that started this one
        )
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        peaks.append(int(result.stdout))
    assert peaks[1] - peaks[0] < 40_000, f"{peaks} KiB"
