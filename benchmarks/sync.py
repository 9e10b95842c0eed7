"""Five flashes moved onto five clicks of a track, in 5 s at 1024²: the duration and the error of each method.

python -m benchmarks.sync
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, format_spread, publish_figures
from db.models.music import FrameTiming
from tests.tower.conform.flashes import find_clicks, find_flashes, write_track
from tower.conform.film import conform_video
from tower.conform.sound import MusicExcerpt
from tower.engines.base import Shot
from tower.media.encode import VideoWriter
from tower.sync.grid import BeatGrid
from tower.sync.plan import CutPlan, SourceClip, SyncPoint
from tower.sync.planning import plan_cuts
from tower_animatic.film import draw_frames

SIZE, FPS, FRAMES, ROUNDS = 1024, 24, 120, 3
FLASHES = (0, 23, 47, 71, 99)
OFFSET_S, TRACK_S = 0.731, 20.0
CLICKS_S = tuple(OFFSET_S + number * 60 / 117 for number in range(37))  # 117 BPM: beats fall between frames
HALF_A_FRAME_MS, EXACT_MS = 500 / FPS, 2.0
SyncMethod = Callable[[Path, Path, Path], float | None]  # seconds of writing alone, if known


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, music = (
            draw_film(folder / "flashes.mp4"),
            write_track(folder / "clicks.wav", CLICKS_S, duration_s=TRACK_S),
        )
        ways: dict[str, SyncMethod] = {
            "VFR, packets at new times": build_conform_method(FrameTiming.VARIABLE),
            "CFR, nearest frame": build_conform_method(FrameTiming.CONSTANT),
            "moviepy time_transform": conform_with_moviepy,
        }
        walls: dict[str, list[float]] = defaultdict(list)
        alone: dict[str, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for way, run in ways.items():
                began = time.perf_counter()
                writing_s = run(video, music, folder / f"{way}.mp4")
                walls[way].append(time.perf_counter() - began)
                alone[way].append(walls[way][-1] if writing_s is None else writing_s)
        figures = [build_figure(way, walls[way], alone, measure_offsets(folder / f"{way}.mp4")) for way in ways]
        publish_figures(
            "sync", f"{len(FLASHES)} flashes onto clicks, {FRAMES} frames at {SIZE}², with the music", figures
        )


def build_figure(
    way: str, walls: list[float], alone: dict[str, list[float]], found: tuple[list[float], list[float]]
) -> Figure:
    errors, shifts = found
    slowest = statistics.median(alone["moviepy time_transform"])
    writing_s = statistics.median(alone[way])
    limit = {"VFR": EXACT_MS, "CFR": HALF_A_FRAME_MS}.get(way[:3])
    lost = "" if len(errors) == len(FLASHES) else f", {len(errors)} flashes of {len(FLASHES)}"
    worst, mean = max(errors), statistics.fmean(errors)
    text = f"worst {worst:.1f} ms, mean {mean:.1f}{lost}; clicks off by at most {max(shifts):.2f} ms"
    met = None if limit is None else worst <= limit + 0.01 and not lost and max(shifts) <= EXACT_MS
    return Figure(
        name=way,
        value=f"{format_spread(walls)}, writing alone {writing_s:.2f} s; flash to click {text}",
        baseline="" if limit is None else f"writing {slowest / writing_s:.1f} × as fast as moviepy",
        target="" if limit is None else f"flash ≤ {limit:.1f} ms, clicks ≤ {EXACT_MS:g} ms",
        met=met,
    )


def measure_offsets(film: Path) -> tuple[list[float], list[float]]:
    """Distances in the decoded file, in ms: flash to nearest click, click to its place in the track."""
    flashes, clicks = find_flashes(film), find_clicks(film)
    errors = [min(abs(flash - click) for click in clicks) * 1000 for flash in flashes]
    shifts = [min(abs(click + OFFSET_S - time) for time in CLICKS_S) * 1000 for click in clicks]
    return errors, shifts


def build_conform_method(timing: FrameTiming) -> SyncMethod:
    """The whole pipeline, including loudness and the measurement of the result."""

    def run(video: Path, music: Path, target: Path) -> float:
        return conform_video(video, MusicExcerpt(music, OFFSET_S), build_plan(timing), target).writing_s

    return run


def build_plan(timing: FrameTiming) -> CutPlan:
    beats = BeatGrid(CLICKS_S, (1.0,) * len(CLICKS_S), TRACK_S)
    points = [SyncPoint(frame) for frame in FLASHES]
    return plan_cuts(SourceClip(FRAMES, Fraction(FPS)), points, beats, timing=timing, offset_s=OFFSET_S)


def conform_with_moviepy(video: Path, music: Path, target: Path) -> None:
    """The same times applied by moviepy, with our encoder settings. It measures nothing."""
    from moviepy import AudioFileClip, VideoFileClip

    cuts = build_plan(FrameTiming.VARIABLE).cuts
    own = [*(cut.time_s for cut in cuts), FRAMES / FPS]
    at = [*(cut.at_s for cut in cuts), FRAMES / FPS]
    source, sound = VideoFileClip(str(video), audio=False), AudioFileClip(str(music))
    moved = source.time_transform(lambda when: np.interp(when, at, own)).with_duration(FRAMES / FPS)
    whole = moved.with_audio(sound.subclipped(OFFSET_S, OFFSET_S + FRAMES / FPS))
    options = {"codec": "libx264", "preset": "veryfast", "ffmpeg_params": ["-crf", "12"], "audio_codec": "aac"}
    whole.write_videofile(str(target), fps=FPS, logger=None, **options)
    source.close()
    sound.close()


def draw_film(target: Path) -> Path:
    """Render an animatic shot that contains white frames."""
    shot = Shot("cyberpunk detective walking in neon city", "", seed=7, width=SIZE, height=SIZE, fps=FPS, frames=FRAMES)
    with VideoWriter(target, size=(SIZE, SIZE), fps=FPS, frames=FRAMES) as writer:
        for number, frame in enumerate(draw_frames(shot)):
            writer.write(np.full_like(frame, 255) if number in FLASHES else frame)
    return target


if __name__ == "__main__":
    main()
