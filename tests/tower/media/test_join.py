from __future__ import annotations

import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.tower.media.numbered import (
    BITS,
    CRF12,
    ClipFormat,
    YuvPlanes,
    draw_planes,
    psnr,
    read_clip,
    read_number,
    read_shade,
    write_clip,
)
from tower.errors import InvalidError, MergeError
from tower.media.encode import VideoWriter
from tower.media.join import JoinMethod, JoinResult, join_clips
from tower.media.overlap import segment_frames

SHADES = (60, 180)


def shot(lengths: Sequence[int], overlap: int, size: tuple[int, int]) -> list[list[YuvPlanes]]:
    """Segments with one running frame count. Every second segment has the other shade."""
    starts = [sum(lengths[:i]) - i * overlap for i in range(len(lengths))]
    return [
        [draw_planes(start + n, SHADES[i % 2], size) for n in range(length)]
        for i, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]


def segments(folder: Path, lengths: Sequence[int], overlap: int = 4, form: ClipFormat | None = None) -> list[Path]:
    """Segments as Tower's own writer makes them, with IDR frames at the cuts."""
    form = form or ClipFormat()
    return [
        write_clip(
            folder / f"segment{i}.mp4",
            frames,
            replace(form, cuts=(overlap, len(frames) - overlap)),
        )
        for i, frames in enumerate(shot(lengths, overlap, form.size))
    ]


def single_gop(folder: Path, lengths: Sequence[int], form: ClipFormat | None = None) -> list[Path]:
    """Segments as ComfyUI writes them."""
    form = form or ClipFormat()
    return [write_clip(folder / f"gop{i}.mp4", frames, form) for i, frames in enumerate(shot(lengths, 4, form.size))]


def assert_plays_in_order(path: Path, frames: int, rate: Fraction = Fraction(24)) -> None:
    """Check that each frame occurs once, in its place and at its time. Packets are decoded before they are shown."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    times = [(packet.dts, packet.pts) for packet in packets if packet.dts is not None and packet.pts is not None]
    decode_times = [dts for dts, _ in times]
    assert len(packets) == len(times) == frames
    assert decode_times == sorted(set(decode_times))
    assert all(dts <= pts for dts, pts in times)
    with av.open(str(path)) as container:
        assert not container.streams.audio
        frame_numbers = [(frame.pts or 0) * (frame.time_base or 0) * rate for frame in container.decode(video=0)]
    assert frame_numbers == list(range(frames))
    assert [read_number(frame) for frame in read_clip(path)] == [n % 2**BITS for n in range(frames)]


CUTS = [
    ([28] * 4 + [24], 4),
    ([28, 24], 4),
    ([9, 9, 9, 9], 4),  # One frame between the seams.
    ([8, 8, 8], 4),  # No frame between the seams.
    ([4, 8, 4], 4),
    ([7, 13, 29], 3),
    ([5, 3, 4], 1),
    ([30, 50, 41], 12),
    ([4, 6, 1], 0),
    ([28] * 11, 4),
]


@pytest.mark.parametrize(("lengths", "overlap"), CUTS)
def test_bodies_are_copied_and_the_frame_count_is_exact(tmp_path: Path, lengths: list[int], overlap: int) -> None:
    target = tmp_path / "joined.mp4"
    joined = join_clips(segments(tmp_path, lengths, overlap), target, overlap_frames=overlap)
    expected = sum(lengths) - overlap * (len(lengths) - 1)
    assert (joined.method, joined.encoded_because, joined.frames) == (JoinMethod.BODIES_COPIED, None, expected)
    assert joined.probe.duration_s == pytest.approx(expected / 24)
    assert joined.probe.faststart
    assert_plays_in_order(target, expected)


@pytest.mark.parametrize(("lengths", "overlap"), CUTS)
def test_re_encoding_gives_the_same_frames(tmp_path: Path, lengths: list[int], overlap: int) -> None:
    target = tmp_path / "joined.mp4"
    form = ClipFormat(options={**CRF12, "x264-params": "stitchable=1"})  # Tower cannot encode with this header.
    paths = [write_clip(tmp_path / f"{i}.mp4", f, form) for i, f in enumerate(shot(lengths, overlap, form.size))]
    joined = join_clips(paths, target, overlap_frames=overlap)
    expected = sum(lengths) - overlap * (len(lengths) - 1)
    assert joined.frames == expected
    assert_plays_in_order(target, expected)


@pytest.mark.parametrize("size", [(256, 256), (512, 384), (1024, 1024), (130, 98)])
def test_a_copied_body_decodes_to_exactly_the_frames_of_its_segment(tmp_path: Path, size: tuple[int, int]) -> None:
    paths = segments(tmp_path, [14, 15, 13], form=ClipFormat(size=size))
    assert join_clips(paths, tmp_path / "joined.mp4").method == JoinMethod.BODIES_COPIED
    joined = read_clip(tmp_path / "joined.mp4")
    for start, path, body in zip((0, 10, 21), paths, (slice(0, 10), slice(4, 11), slice(4, 13)), strict=True):
        for number, frame in list(enumerate(read_clip(path)))[body]:
            assert np.array_equal(joined[start + number], frame)


@pytest.mark.parametrize("make", [segments, single_gop])
def test_the_seam_fades_linearly_from_one_segment_to_the_next(tmp_path: Path, make: object) -> None:
    assert callable(make)
    join_clips(make(tmp_path, [20, 20]), tmp_path / "joined.mp4")
    shades = [read_shade(frame) for frame in read_clip(tmp_path / "joined.mp4")]
    assert shades[:16] == pytest.approx([60] * 16, abs=1.5)
    assert shades[16:20] == pytest.approx([84, 108, 132, 156], abs=1.5)
    assert shades[20:] == pytest.approx([180] * 16, abs=1.5)


def test_the_middle_of_an_odd_seam_is_an_equal_mix(tmp_path: Path) -> None:
    join_clips(segments(tmp_path, [20, 20], 5), tmp_path / "joined.mp4", overlap_frames=5)
    assert read_shade(read_clip(tmp_path / "joined.mp4")[17]) == pytest.approx(120, abs=1)


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "ultrafast", "crf": "12"},
        {"preset": "superfast", "crf": "12", "tune": "grain"},
        {"preset": "veryfast", "crf": "12", "tune": "animation"},
        {"preset": "medium", "crf": "18"},
        {"preset": "slower", "crf": "12", "tune": "film"},
        {"preset": "medium", "crf": "12.5", "x264-params": "bframes=8:b-pyramid=normal:b-adapt=2"},
        {"preset": "medium", "crf": "12", "bf": "0"},
        {"preset": "fast", "crf": "12", "g": "1"},
        {"preset": "fast", "crf": "12", "g": "5"},
        {"preset": "fast", "crf": "12", "x264-params": "aq-mode=0:no-psy=1:no-deblock=1"},
    ],
)
def test_seams_are_encoded_with_the_settings_of_the_segments(tmp_path: Path, options: dict[str, str]) -> None:
    lengths = [28, 31, 24]
    joined = join_clips(segments(tmp_path, lengths, form=ClipFormat(options=options)), tmp_path / "joined.mp4")
    assert joined.method == JoinMethod.BODIES_COPIED, joined.encoded_because
    assert_plays_in_order(tmp_path / "joined.mp4", sum(lengths) - 8)


def test_seams_are_as_good_as_the_bodies(tmp_path: Path) -> None:
    join_clips(segments(tmp_path, [28, 28, 24]), tmp_path / "joined.mp4")
    ideal = [draw_planes(n, 0, (128, 96)) for n in range(72)]
    rows = slice(0, 70)  # The rows above the shade, which differs between segments.
    psnr_db = [psnr(a[rows], b[rows]) for a, b in zip(read_clip(tmp_path / "joined.mp4"), ideal, strict=True)]
    assert min(psnr_db) > 42


def test_clips_of_towers_own_writer_are_copied(tmp_path: Path) -> None:
    lengths, size, paths = segment_frames(3, 24, 4), (256, 256), []
    for i, frames in enumerate(shot(lengths, 4, size)):
        paths.append(tmp_path / f"{i}.mp4")
        tags = {"comment": "engine: test", "title": f"segment {i}"}
        with VideoWriter(paths[-1], size=size, fps=24, frames=len(frames), tags=tags) as writer:
            for frame in frames:
                writer.write(np.asarray(cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420), np.uint8))
    joined = join_clips(paths, tmp_path / "joined.mp4")
    assert (joined.method, joined.encoded_because) == (JoinMethod.BODIES_COPIED, None)
    assert_plays_in_order(tmp_path / "joined.mp4", 72)
    with av.open(str(tmp_path / "joined.mp4")) as container:
        assert container.metadata["comment"] == "engine: test"
        assert "title" not in container.metadata


def test_joining_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = segments(tmp_path, [28, 24])
    for name in ("one.mp4", "two.mp4"):
        join_clips(paths, tmp_path / name)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_an_uncommon_rate_is_kept_exactly(tmp_path: Path) -> None:
    rate = Fraction(24000, 1001)
    joined = join_clips(segments(tmp_path, [28, 24], form=ClipFormat(rate=rate)), tmp_path / "joined.mp4")
    assert (joined.method, joined.probe.fps) == (JoinMethod.BODIES_COPIED, rate)
    assert_plays_in_order(tmp_path / "joined.mp4", 48, rate)


def check_re_encoded(joined: JoinResult, target: Path, *, why: str, ideal: list[YuvPlanes] | None = None) -> None:
    assert joined.method == JoinMethod.RE_ENCODED
    assert joined.encoded_because is not None
    assert why in joined.encoded_because
    assert (joined.probe.codec, joined.probe.pixel_format, joined.probe.faststart) == ("h264", "yuv420p", True)
    assert_plays_in_order(target, joined.frames, joined.probe.fps)
    for frame, expected in zip(read_clip(target), ideal or [], strict=False):
        assert psnr(frame[:70], expected[:70]) > 40


def test_clips_with_a_single_group_of_pictures_are_re_encoded(tmp_path: Path) -> None:
    target = tmp_path / "joined.mp4"
    joined = join_clips(single_gop(tmp_path, [28, 27, 24]), target)
    ideal = [draw_planes(n, 0, (128, 96)) for n in range(71)]
    check_re_encoded(joined, target, why="cannot be cut at frame", ideal=ideal)


OTHERS = {
    "crf": (ClipFormat(options={"preset": "veryfast", "crf": "20"}), "other settings"),
    "preset": (ClipFormat(options={"preset": "slow", "crf": "12"}), "other settings"),
    "4:4:4": (ClipFormat(pixel_format="yuv444p"), "not H.264 in yuv420p"),
    "mpeg4": (ClipFormat(codec="mpeg4", options={"qscale": "2", "flags": "+qscale"}), "not H.264"),
    "uneven": (ClipFormat(timestamps=[0, 1, 2.6, *range(3, 24)]), "constant rate"),
}


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("other", sorted(OTHERS))
def test_a_segment_in_another_format_is_re_encoded(tmp_path: Path, other: str, position: int) -> None:
    form, why = OTHERS[other]
    paths = segments(tmp_path, [24, 24, 24])
    frames = shot([24, 24, 24], 4, form.size)[position]
    paths[position] = write_clip(tmp_path / "other.mp4", frames, replace(form, cuts=(4, len(frames) - 4)))
    joined = join_clips(paths, tmp_path / "joined.mp4")
    check_re_encoded(joined, tmp_path / "joined.mp4", why=why)


def test_open_groups_of_pictures_are_not_cut(tmp_path: Path) -> None:
    """After a keyframe that is not an IDR frame, frames may refer to frames before the cut."""
    form = ClipFormat(options={**CRF12, "forced-idr": "0", "x264-params": "open-gop=1:bframes=3"})
    joined = join_clips(segments(tmp_path, [28, 28, 24], form=form), tmp_path / "joined.mp4")
    check_re_encoded(joined, tmp_path / "joined.mp4", why="not an IDR")


def test_a_stream_without_its_encoder_settings_is_re_encoded(tmp_path: Path) -> None:
    paths = segments(tmp_path, [28, 24])
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"x264 - core", b"xxxx - core"))
    joined = join_clips(paths, tmp_path / "joined.mp4")
    check_re_encoded(joined, tmp_path / "joined.mp4", why="does not contain the settings")


def test_untagged_pictures_keep_their_colours(tmp_path: Path) -> None:
    """RGB written without a colour tag is BT.601. The joined file is BT.709 and is tagged so."""
    bgr = np.full((96, 128, 3), (40, 60, 200), np.uint8)
    for name in ("a.mp4", "b.mp4"):
        with av.open(str(tmp_path / name), "w") as out:
            stream = out.add_stream("libx264", rate=24, options=CRF12)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            for _ in range(12):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(bgr, format="bgr24")))
            out.mux(stream.encode(None))
    joined = join_clips([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "joined.mp4")
    assert joined.method == JoinMethod.RE_ENCODED
    with av.open(str(tmp_path / "joined.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        colours = [frame.to_ndarray(format="bgr24").mean(axis=(0, 1)) for frame in container.decode(video=0)]
    assert np.allclose(colours, (40, 60, 200), atol=4)


def test_sound_is_dropped(tmp_path: Path) -> None:
    paths = segments(tmp_path, [28, 24])
    loud = tmp_path / "loud.mp4"
    with av.open(str(paths[0])) as source, av.open(str(loud), "w") as out:
        picture = out.add_stream_from_template(source.streams.video[0])
        voice = out.add_stream("aac", rate=48_000, layout="mono")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = picture
                out.mux(packet)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 48_000
        out.mux([*voice.encode(sound), *voice.encode(None)])
    joined = join_clips([loud, paths[1]], tmp_path / "joined.mp4")
    assert (joined.method, joined.probe.audio) == (JoinMethod.BODIES_COPIED, None)


def test_a_single_segment_is_copied_unchanged(tmp_path: Path) -> None:
    [path] = single_gop(tmp_path, [24])
    joined = join_clips([path], tmp_path / "new" / "joined.mp4")
    assert (joined.method, joined.frames) == (JoinMethod.ONE_SEGMENT, 24)
    assert (tmp_path / "new" / "joined.mp4").read_bytes() == path.read_bytes()


def test_a_single_segment_with_uneven_times_is_copied_too(tmp_path: Path) -> None:
    [path] = single_gop(tmp_path, [24], ClipFormat(timestamps=[0, 1, 2.6, *range(3, 24)]))
    assert join_clips([path], tmp_path / "joined.mp4").probe.timing_error_ms > 20


def test_a_segment_may_occur_twice(tmp_path: Path) -> None:
    [path] = segments(tmp_path, [20])
    assert join_clips([path, path, path], tmp_path / "joined.mp4").frames == 52


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """An older video. After a failure it must be unchanged, with no other file beside it."""
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "joined.mp4"
    path.write_bytes(b"the old one")
    yield path
    assert path.read_bytes() == b"the old one"
    assert list(folder.iterdir()) == [path]


def join_error(paths: Sequence[Path], target: Path, overlap: int = 4) -> str:
    with pytest.raises(MergeError) as caught:
        join_clips(paths, target, overlap_frames=overlap)
    assert caught.value.code == "MERGE_FAILED"
    return caught.value.message


def test_incompatible_segments_are_refused(tmp_path: Path, target: Path) -> None:
    [good] = segments(tmp_path, [28])
    frames = shot([28], 4, (128, 96))[0]
    small = write_clip(tmp_path / "small.mp4", shot([28], 4, (96, 96))[0], ClipFormat(size=(96, 96)))
    slow = write_clip(tmp_path / "slow.mp4", frames, ClipFormat(rate=Fraction(12)))
    short = write_clip(tmp_path / "short.mp4", frames[:7], ClipFormat())
    assert "Segment 2 is 96×96 but segment 1 is 128×96" in join_error([good, small], target)
    assert "Segment 2 has 12 frames per second but segment 1 has 24" in join_error([good, slow], target)
    assert "Segment 2 has 7 frames, fewer than the 8" in join_error([good, short, good], target)
    assert "no segments" in join_error([], target)
    assert "-1" in join_error([good, good], target, overlap=-1)


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("make", [segments, single_gop])
@pytest.mark.parametrize("fault", ["text", "missing", "cut off", "damaged"])
def test_a_broken_segment_is_refused(tmp_path: Path, target: Path, fault: str, make: object, position: int) -> None:
    assert callable(make)
    paths = make(tmp_path, [28, 28, 24])
    data = bytearray(paths[position].read_bytes())
    match fault:
        case "text":
            paths[position].write_text("<html>502 Bad Gateway</html>")
        case "missing":
            paths[position].unlink()
        case "cut off":
            paths[position].write_bytes(data[: len(data) * 3 // 4])
        case "damaged":
            middle = len(data) // 2
            data[middle : middle + len(data) // 4] = bytes(len(data) // 4)
            paths[position].write_bytes(data)
    assert paths[position].name in join_error(paths, target)


def test_a_single_broken_segment_is_refused(tmp_path: Path, target: Path) -> None:
    [path] = segments(tmp_path, [28])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    assert path.name in join_error([path], target)


@contextmanager
def limit_file_size() -> Iterator[None]:
    """No file may exceed 12 kB, as on a disk that fills up during writing. This limits pytest's own report too."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("make", [segments, single_gop])
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, target: Path, make: object) -> None:
    assert callable(make)
    paths = make(tmp_path, [28, 28, 24])
    with limit_file_size():
        message = join_error(paths, target)
    assert str(target) in message


@pytest.mark.parametrize("duration_s", range(1, 11))
@pytest.mark.parametrize(("fps", "overlap"), [(24, 4), (24, 0), (12, 4), (30, 4), (8, 4), (60, 12), (4, 4), (1, 0)])
def test_segments_add_up_to_the_exact_frames_of_the_duration(duration_s: int, fps: int, overlap: int) -> None:
    lengths = segment_frames(duration_s, fps, overlap)
    assert len(lengths) == duration_s
    assert sum(lengths) - overlap * (len(lengths) - 1) == duration_s * fps
    assert all(length >= 2 * overlap for length in lengths[1:-1])


@pytest.mark.parametrize(("duration_s", "fps", "overlap"), [(0, 24, 4), (3, 0, 0), (3, 24, 25), (3, 24, -1)])
def test_impossible_segments_are_refused(duration_s: int, fps: int, overlap: int) -> None:
    with pytest.raises(InvalidError):
        segment_frames(duration_s, fps, overlap)
