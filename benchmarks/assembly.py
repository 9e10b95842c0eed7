"""Assembling an episode, beside a bare stream copy and moviepy: python -m benchmarks.assembly [--takes 300]

Takes are animatic shots of 115 frames; a few are drawn, and the rest are copies under other names. Each measurement is
a process of its own, so that its memory is its own. ffmpeg, which measures loudness, is a process beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame

from benchmarks.report import Figure, peak_memory_mb, publish_figures
from tower.assembly.cut import (
    CUT,
    EpisodeCut,
    FilmForm,
    MediaFile,
    MusicCue,
    Shot,
    SoundRule,
    Transition,
    TransitionKind,
)
from tower.assembly.film import AssemblyResult, assemble
from tower.media.files import sha256_of
from tower.media.x264 import MP4_OPTIONS, TAKE_OPTIONS

FPS, FRAMES, DRAWN, DISSOLVES, DISSOLVE_FRAMES = 24, 115, 4, 12, 12
DISSOLVE = Transition(TransitionKind.DISSOLVE, DISSOLVE_FRAMES)


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float
    memory_mb: float
    result: Any

    def __str__(self) -> str:
        return f"{self.wall_s:.1f} s, {self.cpu_s:.1f} CPU s, {self.memory_mb:.0f} MB at most"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=300)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--moviepy-takes", type=int, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "build" if Path("build").is_dir() else None) as name:
        publish_figures(
            "assembly",
            f"Assembling {asked.takes} takes of {FRAMES} frames at {asked.side}²",
            measure(Path(name), asked.takes, asked.side, asked.moviepy_takes),
        )


def measure(folder: Path, takes: int, side: int, moviepy_takes: int) -> list[Figure]:
    files = write_takes(folder, takes, side)
    plain = build_cut(files, side, dissolves=0, music=None)
    music = MediaFile(write_music(folder / "music.wav", plain.duration_s), "music")
    whole = build_cut(files, side, dissolves=DISSOLVES, music=music)
    copied = run(copy_streams, [file.path for file in files], folder / "copy.mp4")
    conform = run(assemble_film, plain, folder / "plain.mp4", folder / "plain cache")
    tenth = build_cut(files[: max(3, takes // 10)], side, dissolves=2, music=music)
    short = run(assemble_film, tenth, folder / "short.mp4", folder / "short cache")
    first = run(assemble_film, whole, folder / "whole.mp4", folder / "cache")
    again = run(assemble_film, whole, folder / "whole.mp4", folder / "cache")
    changed = run(assemble_film, change_scene(whole), folder / "whole.mp4", folder / "cache")
    part = [file.path for file in files[:moviepy_takes]]
    by_moviepy = run(join_with_moviepy, part, music.path, folder / "moviepy.mp4")
    moviepy_s = by_moviepy.wall_s * takes / moviepy_takes
    real = whole.duration_s / first.wall_s
    return [
        Figure("bare stream copy of the same bytes", str(copied)),
        Figure(
            "all takes conform, cuts only, silent",
            str(conform),
            baseline=f"{conform.wall_s / copied.wall_s:.1f} × the copy",
            target="≤ 3 × the copy",
            met=conform.wall_s <= 3 * copied.wall_s,
        ),
        Figure(
            f"{DISSOLVES} dissolves and music",
            f"{first}; {real:.0f} × real time",
            baseline=f"{moviepy_s / first.wall_s:.0f} × moviepy",
            target="≥ 20 × real time, ≥ 15 × moviepy",
            met=real >= 20 and moviepy_s >= 15 * first.wall_s,
        ),
        Figure(
            "memory at a tenth of the length",
            f"{short.memory_mb:.0f} MB, {first.memory_mb:.0f} MB at the whole length",
            target="≤ 300 MB and flat",
            met=first.memory_mb <= min(300, 1.15 * short.memory_mb),
        ),
        Figure("nothing changed", f"{again.result.total_s:.3f} s", target="< 1 s", met=again.result.total_s < 1),
        Figure(
            "one changed scene",
            str(changed),
            baseline=f"{100 * changed.wall_s / first.wall_s:.0f} % of the first",
            target="≤ 5 % of the first",
            met=changed.wall_s <= 0.05 * first.wall_s,
        ),
        Figure(f"moviepy, {moviepy_takes} takes", f"{by_moviepy}; scaled {moviepy_s:.0f} s for all"),
    ]


def run(work: Callable[..., Any], *given: Any) -> Cost:
    """Run the work in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(cost_of, (work, given))


def cost_of(work: Callable[..., Any], given: tuple[Any, ...]) -> Cost:
    wall, cpu = time.perf_counter(), cpu_s()
    result = work(*given)
    return Cost(time.perf_counter() - wall, cpu_s() - cpu, peak_memory_mb(), result)


def cpu_s() -> float:
    used = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def assemble_film(cut: EpisodeCut, target: Path, cache: Path) -> AssemblyResult:
    return assemble(cut, target, cache)


def copy_streams(paths: list[Path], target: Path) -> None:
    """All packets of all files behind each other, with the index first, as any joiner must at least do."""
    with av.open(str(target), "w", format="mp4", options=MP4_OPTIONS) as out:
        stream, at = None, 0
        for path in paths:
            with av.open(str(path)) as source:
                stream = stream or out.add_stream_from_template(source.streams.video[0])
                step, first = 0, None
                for packet in source.demux(video=0):
                    if packet.pts is None or packet.dts is None:
                        continue
                    step = packet.duration or step
                    first = packet.pts if first is None else first
                    packet.pts, packet.dts = packet.pts - first + at, packet.dts - first + at
                    packet.stream = stream
                    out.mux(packet)
                at += step * FRAMES


def join_with_moviepy(paths: list[Path], music: Path, target: Path) -> None:
    """Cuts and music, with our settings of the encoder. Its dissolves and a loudness would take it longer."""
    from moviepy import AudioFileClip, VideoFileClip, concatenate_videoclips

    with warnings.catch_warnings(action="ignore"):
        clips = [VideoFileClip(str(path), audio=False).with_duration(FRAMES / FPS) for path in paths]
        film = concatenate_videoclips(clips)
        film = film.with_audio(AudioFileClip(str(music)).subclipped(0, film.duration))
        same = ["-crf", TAKE_OPTIONS["crf"], "-tune", TAKE_OPTIONS["tune"]]
        film.write_videofile(
            str(target),
            fps=FPS,
            codec="libx264",
            preset=TAKE_OPTIONS["preset"],
            audio_codec="aac",
            audio_bitrate="192k",
            ffmpeg_params=same,
            logger=None,
        )
        for clip in clips:
            clip.close()


def build_cut(files: list[MediaFile], side: int, *, dissolves: int, music: MediaFile | None) -> EpisodeCut:
    shots = tuple(
        Shot(uuid.UUID(int=number + 1), f"Scene {number}", file, 0, FRAMES, sound=SoundRule.DROP)
        for number, file in enumerate(files)
    )
    every = (len(files) - 1) // dissolves if dissolves else 0
    places = range(1, len(files))
    transitions = tuple(
        DISSOLVE if every and number % every == 0 and number // every <= dissolves else CUT for number in places
    )
    cut = EpisodeCut(FilmForm(side, side, Fraction(FPS)), shots, transitions)
    cues = (MusicCue(music, 0, cut.frames, fade_in_s=1.0, fade_out_s=3.0),) if music else ()
    return replace(cut, music=cues)


def change_scene(cut: EpisodeCut) -> EpisodeCut:
    """A part of the take in the middle that has to be encoded, and is as long as the whole take was."""
    items = list(cut.items)
    middle = items[len(items) // 2]
    assert isinstance(middle, Shot)
    items[len(items) // 2] = replace(middle, source_frames=FRAMES - 1, speed=Fraction(FRAMES - 1, FRAMES))
    return replace(cut, items=tuple(items))


def write_takes(folder: Path, count: int, side: int) -> list[MediaFile]:
    from tower.engines.base import Shot as EngineShot
    from tower.media.encode import VideoWriter
    from tower_animatic.film import draw_frames  # not in the processes that are measured

    drawn = []
    for seed in range(min(DRAWN, count)):
        shot = EngineShot(
            "detective walking in neon city", "", seed=seed, width=side, height=side, fps=FPS, frames=FRAMES
        )
        path = folder / f"drawn {seed}.mp4"
        with VideoWriter(path, size=(side, side), fps=FPS, frames=FRAMES) as writer:
            for frame in draw_frames(shot):
                writer.write(frame)
        drawn.append(path.read_bytes())
        path.unlink()
    files = []
    for number in range(count):
        path = folder / f"take {number}.mp4"
        path.write_bytes(drawn[number % len(drawn)])
        files.append(MediaFile(path, f"{sha256_of(path)} {number}"))
    return files


def write_music(target: Path, lasts_s: float) -> Path:
    rng = np.random.default_rng(3)
    rate = 44_100
    second = np.arange(rate) / rate
    with av.open(str(target), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=rate, layout="stereo")
        for number in range(int(lasts_s) + 1):
            chord = sum(np.sin(2 * np.pi * pitch * second) for pitch in rng.choice([220, 262, 330, 392, 440], 3)) / 12
            beat = np.exp(-(second % 0.5) * 30) * rng.standard_normal(rate) / 8
            samples = np.repeat(((chord + beat) * 20_000).astype(np.int16), 2)[None]
            frame = AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = rate, number * rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


if __name__ == "__main__":
    main()
