"""Joining ten segments with a cross-fade over four frames, compared with moviepy: python -m benchmarks.joining

The segments are one animatic shot cut as in the fast recipe, so the ideal result is the shot itself.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from benchmarks.report import Figure, format_spread, publish_figures
from tower.engines.base import Shot
from tower.media.encode import VideoWriter
from tower.media.join import JoinMethod, join_clips
from tower.media.overlap import OVERLAP_FRAMES
from tower.media.probe import probe
from tower.media.x264 import CRF12_OPTIONS, configure_encoder, encode_frames
from tower_animatic.film import draw_frames

SIZES, SEGMENTS, FRAMES, FPS, ROUNDS = (512, 1024), 10, 28, 24, 3
STEP = FRAMES - OVERLAP_FRAMES
TOTAL = STEP * SEGMENTS + OVERLAP_FRAMES
TARGET = 10.0  # times the speed of moviepy
ACCURATE = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

Pictures = npt.NDArray[np.uint8]
JoinVariant = Callable[[list[Path], Path], object]


@dataclass
class Timing:
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)


def main() -> None:
    figures = [figure for size in SIZES for figure in measure(size)]
    publish_figures("joining", f"Joining {SEGMENTS} segments of {FRAMES} frames, {OVERLAP_FRAMES} shared", figures)


def measure(size: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ideal = draw_segments(size, folder)
        ours = [
            write_with_tower(ideal[n : n + FRAMES], folder / f"ours{n}.mp4") for n in range(0, STEP * SEGMENTS, STEP)
        ]
        plain = [
            write_as_comfyui(ideal[n : n + FRAMES], folder / f"plain{n}.mp4") for n in range(0, STEP * SEGMENTS, STEP)
        ]
        ways: dict[str, tuple[JoinVariant, list[Path]]] = {
            "bodies copied": (join_by_copying, ours),
            "re-encoded (single-GOP segments)": (join_by_encoding, plain),
            "moviepy, its defaults at CRF 12": (build_moviepy_join("medium"), ours),
            "moviepy, our x264 preset": (build_moviepy_join("veryfast"), ours),
            "only decoding the result": (lambda _, target: probe(target.with_name("bodies copied.mp4")), ours),
        }
        timings: dict[str, Timing] = defaultdict(Timing)
        quality: dict[str, str] = {}
        for _ in range(ROUNDS):
            for way, (run, segments) in ways.items():
                target = folder / f"{way}.mp4"
                time_join(run, segments, target, timings[way])
                if way not in quality and target.exists():
                    quality[way] = measure_fidelity(target, ideal)
        return table(size, timings, quality)


def table(size: int, timings: dict[str, Timing], quality: dict[str, str]) -> list[Figure]:
    def wall(way: str) -> float:
        return statistics.median(timings[way].wall_s)

    first, second = (way for way in timings if way.startswith("moviepy"))
    figures = []
    for way, timing in timings.items():
        times = (wall(first) / wall(way), wall(second) / wall(way))
        ours = not way.startswith(("moviepy", "only"))
        target = f"≥ {TARGET:g} × faster than moviepy" if way == "bodies copied" else ""
        figures.append(
            Figure(
                name=f"{size}²: {way}",
                value=f"{format_spread(timing.wall_s)}, {statistics.median(timing.cpu_s):.2f} CPU s"
                + quality.get(way, ""),
                baseline=f"{times[0]:.1f} × moviepy, {times[1]:.1f} × at our preset" if ours else "",
                target=target,
                met=times[0] >= TARGET if target else None,
            )
        )
    return figures


def time_join(run: JoinVariant, segments: list[Path], target: Path, timing: Timing) -> None:
    wall, cpu = time.perf_counter(), cpu_s()
    run(segments, target)
    timing.wall_s.append(time.perf_counter() - wall)
    timing.cpu_s.append(cpu_s() - cpu)


def cpu_s() -> float:
    used = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def join_by_copying(segments: list[Path], target: Path) -> None:
    assert join_clips(segments, target).method == JoinMethod.BODIES_COPIED


def join_by_encoding(segments: list[Path], target: Path) -> None:
    assert join_clips(segments, target).method == JoinMethod.RE_ENCODED


def build_moviepy_join(preset: str) -> JoinVariant:
    """Cross-fades as moviepy's documentation makes them."""
    from moviepy import VideoFileClip, concatenate_videoclips, vfx

    def run(segments: list[Path], target: Path) -> None:
        fade_s = OVERLAP_FRAMES / FPS
        with warnings.catch_warnings(action="ignore"):  # share of frames missing at the ends of the segments
            clips = [VideoFileClip(str(path), audio=False) for path in segments]
            faded = [clips[0], *(clip.with_effects([vfx.CrossFadeIn(fade_s)]) for clip in clips[1:])]
            whole = concatenate_videoclips(faded, padding=-fade_s, method="compose")
            options = {"codec": "libx264", "preset": preset, "ffmpeg_params": ["-crf", "12"], "audio": False}
            whole.write_videofile(str(target), fps=FPS, logger=None, **options)
            for clip in clips:
                clip.close()

    return run


def draw_segments(size: int, folder: Path) -> Pictures:
    """Render the whole shot in BGR to disk, because it is large."""
    prompt = "cyberpunk detective walking in neon city"
    shot = Shot(prompt, "", seed=7, width=size, height=size, fps=FPS, frames=TOTAL)
    frames: Pictures = np.lib.format.open_memmap(folder / "ideal.npy", "w+", np.uint8, (TOTAL, size, size, 3))
    for number, frame in enumerate(draw_frames(shot)):
        frames[number] = frame
    return frames


def write_with_tower(frames: Pictures, target: Path) -> Path:
    with VideoWriter(target, size=(frames.shape[2], frames.shape[1]), fps=FPS, frames=len(frames)) as writer:
        for frame in frames:
            writer.write(frame)
    return target


def write_as_comfyui(frames: Pictures, target: Path) -> Path:
    """One group of pictures, as ComfyUI writes it."""
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=FPS)
        configure_encoder(
            stream.codec_context, size=(frames.shape[2], frames.shape[1]), rate=Fraction(FPS), options=CRF12_OPTIONS
        )
        for packet in encode_frames((to_yuv(frame) for frame in frames), stream.codec_context):
            packet.stream = stream
            out.mux(packet)
    return target


def to_yuv(frame: Pictures) -> VideoFrame:
    bgr = VideoFrame.from_ndarray(frame, format="bgr24")
    return bgr.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)


def measure_fidelity(video: Path, ideal: Pictures) -> str:
    """PSNR in RGB, in which a wrong matrix shows too; and how many frames look more like the one before or after."""
    found, slipped = [], 0
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            matrix = Colorspace.ITU709 if frame.colorspace == 1 else Colorspace.ITU601
            shown = frame.reformat(format="bgr24", src_colorspace=matrix, interpolation=ACCURATE).to_ndarray()
            near = range(max(0, number - 1), min(TOTAL, number + 2))
            errors = {n: float(np.mean((shown.astype(np.float32) - ideal[n]) ** 2)) for n in near}
            slipped += min(errors, key=lambda n: errors[n]) != number
            found.append(10 * np.log10(255**2 / errors[number]))
    psnr = f"PSNR {np.mean(found):.1f} dB, worst {min(found):.1f}"
    return f"; {len(found)} frames of {TOTAL}, {slipped} out of place, {psnr}"


if __name__ == "__main__":
    main()
