import json
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from benchmarks.quality_corpus import moving_shapes
from benchmarks.quality_faults import Format, encode, tone
from tower.media.decode import MediaUnreadableError
from tower.media.probe import probe, probe_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = moving_shapes(np.random.default_rng(1), 256, 36)
    return encode(tmp_path_factory.mktemp("clips") / "clip.mp4", frames, sound=tone(1.5))


def remux(clip: Path, target: Path, options: dict[str, str] | None = None) -> Path:
    with av.open(str(clip)) as source, av.open(str(target), "w", options=options or {}) as out:
        track = source.streams.video[0]
        copy = out.add_stream_from_template(track)
        for packet in source.demux(track):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    return target


def test_a_probe_describes_the_decoded_frames(clip: Path) -> None:
    info = probe(clip)
    assert (info.container, info.codec, info.pixel_format) == ("mp4", "h264", "yuv420p")
    assert (info.width, info.height, info.frames) == (256, 256, 36)
    assert info.fps == 24
    assert info.duration_s == pytest.approx(1.5)
    assert info.timing_error_ms == pytest.approx(0)
    assert info.bytes == clip.stat().st_size
    assert info.faststart is True
    assert info.audio is not None
    assert (info.audio.codec, info.audio.rate_hz) == ("aac", 48_000)
    assert info.audio.duration_s == pytest.approx(1.5, abs=0.06)
    assert info.fault is None


def test_a_probe_can_be_stored_as_json(clip: Path) -> None:
    stored = json.loads(json.dumps(probe(clip).as_json()))
    assert stored["fps"] == 24.0
    assert stored["fps_exact"] == "24"
    assert stored["has_audio"] is True
    assert stored["audio"]["codec"] == "aac"


def test_an_ntsc_rate_is_exact(tmp_path: Path) -> None:
    target = tmp_path / "ntsc.mp4"
    with av.open(str(target), "w") as out:
        video = out.add_stream("libx264", rate=Fraction(24000, 1001))
        assert isinstance(video, VideoStream)
        video.width = video.height = 256
        for picture in moving_shapes(np.random.default_rng(1), 256, 30):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(video.encode(None))
    assert probe(target).fps == Fraction(24000, 1001)


def test_the_coarse_clock_of_matroska_does_not_distort_the_rate(clip: Path, tmp_path: Path) -> None:
    info = probe(remux(clip, tmp_path / "clip.mkv"))
    assert info.fps == 24
    assert info.frames == 36
    assert info.faststart is None
    assert info.timing_error_ms < 1


def test_a_clip_without_sound_has_no_audio(clip: Path, tmp_path: Path) -> None:
    info = probe(remux(clip, tmp_path / "mute.mp4"))
    assert info.audio is None
    assert info.as_json()["has_audio"] is False
    assert info.faststart is False


def test_frames_hidden_by_an_edit_list_do_not_count_as_missing(clip: Path, tmp_path: Path) -> None:
    """The file has 36 frames, and its edit list begins after the first ten."""
    content = remux(clip, tmp_path / "whole.mp4").read_bytes()
    offset = content.index(b"elst") + 8  # Version and flags, then entries, duration and media time.
    media_time = int.from_bytes(content[offset + 8 : offset + 12], "big")
    later = media_time + 10 * 12288 // 24
    (tmp_path / "later.mp4").write_bytes(content[: offset + 8] + later.to_bytes(4, "big") + content[offset + 12 :])
    info = probe(tmp_path / "later.mp4")
    assert info.frames == 26
    assert info.fault is None


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_clip_is_unreadable_and_the_remaining_frames_are_counted(
    clip: Path, tmp_path: Path, share: float
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * share)])
    with pytest.raises(
        MediaUnreadableError, match=r"cut.mp4 is damaged or cut off: only \d+ of its 36 frames"
    ) as caught:
        probe(cut)
    assert (caught.value.code, caught.value.status) == ("MEDIA_UNREADABLE", 422)
    decoded = probe_frames(cut)
    assert 0 < decoded.frames < 36
    assert decoded.frames + len(decoded.lost) == 36
    assert decoded.lost[-1] == 35


def test_a_clip_that_lost_only_the_end_of_its_sound_is_unreadable(clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:-200])
    with pytest.raises(MediaUnreadableError, match="audio"):
        probe(cut)


def test_damage_in_the_middle_is_located(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (tmp_path / "damaged.mp4").write_bytes(data)
    decoded = probe_frames(tmp_path / "damaged.mp4")
    assert decoded.fault is not None
    assert decoded.lost
    assert all(0 < frame < 36 for frame in decoded.lost)


def no_bytes() -> bytes:
    return b""


def a_web_page() -> bytes:
    return b"<html><body>502 Bad Gateway</body></html>"


def a_box_without_content() -> bytes:
    return b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"


def noise() -> bytes:
    return np.random.default_rng(1).bytes(100_000)


@pytest.mark.parametrize("content", [no_bytes, a_web_page, a_box_without_content, noise])
def test_a_file_that_is_not_a_video_is_unreadable(tmp_path: Path, content: object) -> None:
    assert callable(content)
    (tmp_path / "clip.mp4").write_bytes(content())
    with pytest.raises(MediaUnreadableError, match=r"clip\.mp4"):
        probe(tmp_path / "clip.mp4")


def test_sound_alone_is_not_a_video(tmp_path: Path) -> None:
    target = tmp_path / "voice.m4a"
    with av.open(str(target), "w", format="mp4") as out:
        track = out.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(0.5).reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        out.mux(track.encode(frame))
        out.mux(track.encode(None))
    with pytest.raises(MediaUnreadableError, match="no video track"):
        probe(target)


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mp4")
    with pytest.raises(MediaUnreadableError, match="not a regular file"):
        probe(tmp_path / "clip.mp4")


@pytest.mark.parametrize("path", ["/dev/zero", "/", "/nowhere/clip.mp4", "http://127.0.0.1:9/clip.mp4"])
def test_only_regular_local_files_are_opened(path: str) -> None:
    with pytest.raises(MediaUnreadableError):
        probe(Path(path))


def test_a_wrong_pixel_format_is_reported(tmp_path: Path) -> None:
    frames = moving_shapes(np.random.default_rng(1), 256, 4)
    assert probe(encode(tmp_path / "444.mp4", frames, Format(pixel_format="yuv444p"))).pixel_format == "yuv444p"


def test_a_single_picture_lasts_one_frame(tmp_path: Path) -> None:
    frames = moving_shapes(np.random.default_rng(1), 256, 1)
    info = probe(encode(tmp_path / "one.mp4", frames))
    assert info.frames == 1
    assert info.fps == 24
    assert info.duration_s == pytest.approx(1 / 24)
