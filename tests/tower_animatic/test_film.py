"""The file that the animatic engine writes has the requested properties, plays, can be joined and is labelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tower.engines.base import CastMember
from tower.errors import CancelledError, RenderError
from tower.media.encode import VideoWriter, seam_keyframes
from tower_animatic.engine import AnimaticEngine
from tower_animatic.entry import VERSION

from .conftest import RecordingWatcher, a_shot, decode_frames

Render = Callable[..., Path]


@pytest.mark.parametrize(
    ("width", "height", "fps", "frames"),
    [(256, 256, 24, 24), (256, 512, 12, 1), (640, 360, 30, 9), (510, 286, 60, 17), (2048, 256, 1, 2)],
)
def test_size_rate_and_frame_count_are_exact(render: Render, width: int, height: int, fps: int, frames: int) -> None:
    path = render(width=width, height=height, fps=fps, frames=frames)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (width, height, frames)
        assert stream.average_rate == fps
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(frames / fps)
        assert sum(1 for _ in container.decode(stream)) == frames


def test_the_codec_is_h264_in_yuv420p_tagged_bt709(render: Render) -> None:
    with av.open(str(render(frames=2))) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (int(context.colorspace), int(context.color_primaries), int(context.color_trc)) == (1, 1, 1)


def test_the_index_comes_before_the_pictures(render: Render) -> None:
    data = render(frames=2).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_file_names_its_engine(render: Render) -> None:
    with av.open(str(render(frames=2, prompt="a quiet shrine"))) as container:
        assert container.metadata["title"] == "a quiet shrine"
        assert container.metadata["comment"] == f"engine: animatic {VERSION}"


def test_segments_have_keyframes_at_the_seams(render: Render) -> None:
    with av.open(str(render(frames=28))) as container:
        packets = sorted(container.demux(video=0), key=lambda packet: packet.pts or 0)
    visible = [packet for packet in packets if packet.size]
    assert [number for number, packet in enumerate(visible) if packet.is_keyframe] == [0, 4, 24]


@pytest.mark.parametrize(("frames", "expected"), [(1, {0}), (4, {0}), (8, {0}), (9, {0, 4, 5}), (28, {0, 4, 24})])
def test_short_clips_have_no_seams(frames: int, expected: set[int]) -> None:
    assert seam_keyframes(frames) == expected


def test_progress_reports_every_frame(tmp_path: Path) -> None:
    ticker = RecordingWatcher()
    AnimaticEngine().render(a_shot(frames=5), prompt_id="p", target=tmp_path / "a.mp4", watch=ticker)
    assert ticker.told == [(n / 5, f"frame {n} of 5") for n in range(1, 6)]


def test_a_cancel_between_frames_leaves_no_file(tmp_path: Path) -> None:
    ticker = RecordingWatcher(end_at=3, error=CancelledError("The job was cancelled."))
    with pytest.raises(CancelledError):
        AnimaticEngine().render(a_shot(), prompt_id="p", target=tmp_path / "a.mp4", watch=ticker)
    assert len(ticker.told) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [{"width": 254}, {"width": 257}, {"height": 2050}, {"fps": 0}, {"fps": 121}, {"frames": 0}],
    ids=lambda changes: "-".join(f"{key}{value}" for key, value in changes.items()),
)
def test_an_impossible_shot_is_refused(tmp_path: Path, changes: dict[str, int]) -> None:
    with pytest.raises(RenderError):
        AnimaticEngine().render(a_shot(**changes), prompt_id="p", target=tmp_path / "a.mp4", watch=RecordingWatcher())
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_written_is_a_render_error(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="could not write"):
        AnimaticEngine().render(a_shot(), prompt_id="p", target=tmp_path / "no" / "a.mp4", watch=RecordingWatcher())


def test_a_reference_that_cannot_be_read_leaves_no_file(tmp_path: Path) -> None:
    shot = a_shot(cast=(CastMember(name="Kai", reference_image=str(tmp_path / "no.png")),))
    with pytest.raises(RenderError, match="reference image of Kai"):
        AnimaticEngine().render(shot, prompt_id="p", target=tmp_path / "a.mp4", watch=RecordingWatcher())
    assert list(tmp_path.iterdir()) == []


def test_the_encoded_colours_equal_the_drawn_ones(render: Render, tmp_path: Path) -> None:
    """A frame decoded as BT.709 has the colours that the writer received."""
    target = tmp_path / "patches.mp4"
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[:, :128], picture[:, 128:] = (40, 60, 200), (180, 90, 30)
    with VideoWriter(target, size=(256, 256), fps=24, frames=3) as writer:
        for _ in range(3):
            writer.write(picture)
    decoded = decode_frames(target)[1].astype(int)
    assert np.abs(decoded[64:192, 32:96] - picture[64:192, 32:96]).max() <= 4
    assert np.abs(decoded[64:192, 160:224] - picture[64:192, 160:224]).max() <= 4
