"""A small episode of which every frame and every sound is known, and what a reader finds in its film."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from tests.tower.media.numbered import ClipFormat, draw_planes, write_clip
from tower.assembly.cut import (
    CUT,
    Card,
    CardKind,
    Chapter,
    EpisodeCut,
    FilmForm,
    MediaFile,
    MusicCue,
    Shot,
    SoundRule,
    SpeechCue,
    SubtitleCue,
    Transition,
    TransitionKind,
)
from tower.media.encode import VideoWriter
from tower.media.files import sha256_of

SIZE, FOREIGN_SIZE = (128, 96), (160, 120)
FORM = FilmForm(*SIZE, Fraction(24))
RATE_HZ = 48_000
FLASH = 20  # of the take with clicks
DISSOLVE, LONG_DISSOLVE = Transition(TransitionKind.DISSOLVE, 4), Transition(TransitionKind.DISSOLVE, 6)
FADE, LONG_FADE = Transition(TransitionKind.FADE, 6), Transition(TransitionKind.FADE, 8)
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class GoldenScene:
    """A scene and its take, whose frames count from `number`, with a flash and a click at frame `flash`.

    `shown` and `speed` say which part of the take the scene shows, in frames of the film. Takes of `size` and `rate`
    of the film are in Tower's form, others are not.
    """

    number: int
    frames: int
    flash: int
    shown: tuple[int, int]
    after: Transition = CUT
    size: tuple[int, int] = SIZE
    rate: int = 24
    speed: Fraction = Fraction(1)

    @property
    def shade(self) -> int:
        return 60 + self.number // 50 * 12

    @property
    def length(self) -> int:
        return round((self.shown[1] - self.shown[0]) / self.speed)

    def number_at(self, frame: int) -> int:
        """The number in a picture of the scene."""
        return self.number + int((self.shown[0] + frame * self.speed) * self.rate / 24)

    @property
    def flash_frames(self) -> tuple[int, int]:
        """The frames of the scene between which the flash begins; a slow scene shows it from either."""
        at = (self.flash * 24 / self.rate - self.shown[0]) / self.speed
        return math.ceil(at - (self.speed < 1)), math.ceil(at)


SCENES = (
    GoldenScene(0, 36, 10, (0, 18), DISSOLVE),
    GoldenScene(50, 30, 9, (1, 19), FADE, size=FOREIGN_SIZE),
    GoldenScene(100, 48, FLASH, (10, 28)),
    GoldenScene(150, 36, 16, (0, 36), speed=Fraction(2)),
    GoldenScene(200, 18, 9, (0, 18), LONG_DISSOLVE),
    GoldenScene(250, 9, 5, (0, 18), size=FOREIGN_SIZE, rate=12),
    GoldenScene(300, 18, 8, (0, 18), LONG_FADE),
    GoldenScene(350, 12, 6, (1, 10), speed=Fraction(1, 2)),
    GoldenScene(400, 24, 12, (3, 21), DISSOLVE, size=FOREIGN_SIZE),
    GoldenScene(450, 18, 10, (0, 18)),
)


@dataclass(frozen=True)
class Material:
    """The takes of the golden scenes, music and a spoken line."""

    takes: tuple[MediaFile, ...]
    music: MediaFile
    speech: MediaFile
    cover: Path

    @property
    def clicking(self) -> MediaFile:
        """A take of 2 s with a flash and a click at frame FLASH."""
        return self.takes[2]


def make_material(folder: Path) -> Material:
    tone = 0.1 * np.sin(2 * np.pi * 220 * np.arange(12 * RATE_HZ) / RATE_HZ)
    voice = 0.3 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)
    cv2.imwrite(str(folder / "cover.png"), np.full((90, 60, 3), 120, np.uint8))
    return Material(
        tuple(named(write_take(folder, scene)) for scene in SCENES),
        named(write_sound(folder / "music.wav", tone[None], RATE_HZ)),
        named(write_sound(folder / "speech.wav", voice[None], 24_000)),
        folder / "cover.png",
    )


def golden_cut(material: Material) -> EpisodeCut:
    """Title card, ten scenes with cuts, dissolves and fades, end card."""
    shots = tuple(
        _shot(number, scene, take) for number, (scene, take) in enumerate(zip(SCENES, material.takes, strict=True), 1)
    )
    title = Card(CardKind.TITLE, ("Neon 雨", "第1話"), 12)
    end = Card(CardKind.END, ("Fin",), 12)
    cut = EpisodeCut(FORM, (title, *shots, end), (CUT, *(scene.after for scene in SCENES)))
    starts = cut.starts
    return EpisodeCut(
        FORM,
        cut.items,
        cut.transitions,
        music=(MusicCue(material.music, 0, cut.frames, offset_s=1.0, fade_in_s=0.2, fade_out_s=0.5),),
        speech=(SpeechCue(material.speech, starts[1] + 6),),
        subtitles=(
            SubtitleCue(starts[1] + 6, starts[1] + 30, "Where were you?", "Rin", "eng"),
            SubtitleCue(starts[1] + 20, starts[1] + 40, "Here.", "Ken", "eng"),
            SubtitleCue(starts[1] + 6, starts[1] + 30, "どこにいたの?", "Rin", "jpn"),
        ),
        chapters=tuple(Chapter(start, f"シーン {number}") for number, start in enumerate(starts[1:-1], 1)),
        tags={"title": "Neon Rain 1", "show": "Neon Rain", "season_number": "1"},
        origin='{"statement": "雨", "commit": "c0ffee"}',
        cover=material.cover,
    )


def _shot(number: int, scene: GoldenScene, take: MediaFile) -> Shot:
    first, end = scene.shown
    key, title = uuid.UUID(int=number), f"Scene {number}"
    return Shot(key, title, take, first, end - first, speed=scene.speed, sound=SoundRule.KEEP)


def write_take(folder: Path, scene: GoldenScene) -> Path:
    numbers = range(scene.number, scene.number + scene.frames)
    path = folder / f"take-{scene.number}.mp4"
    if (scene.size, scene.rate) == (SIZE, 24):
        write_house_take(path, numbers, shade=scene.shade, flash=scene.flash)
    else:
        shades = (235 if number == scene.number + scene.flash else scene.shade for number in numbers)
        pictures = [draw_planes(number, shade, scene.size) for number, shade in zip(numbers, shades, strict=True)]
        write_clip(path, pictures, ClipFormat(size=scene.size, rate=Fraction(scene.rate)))
    return add_sound(path, click_track(scene.flash / scene.rate, scene.frames / scene.rate))


def write_house_take(target: Path, numbers: Sequence[int], *, shade: int, flash: int | None = None) -> Path:
    with VideoWriter(target, size=SIZE, fps=24, frames=len(numbers)) as writer:
        for position, number in enumerate(numbers):
            planes = draw_planes(number, 235 if position == flash else shade, SIZE)
            writer.write(np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8))
    return target


def click_track(at_s: float, lasts_s: float) -> Samples:
    samples = np.zeros((1, round(lasts_s * RATE_HZ)), np.float32)
    start = round(at_s * RATE_HZ)
    samples[0, start : start + 200] = 0.9 * np.sin(2 * np.pi * 1500 * np.arange(200) / RATE_HZ)
    return samples


def write_sound(target: Path, samples: npt.NDArray[np.float64] | Samples, rate_hz: int) -> Path:
    with av.open(str(target), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=rate_hz, layout="mono")
        frame = AudioFrame.from_ndarray(samples.astype(np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


def add_sound(path: Path, samples: Samples) -> Path:
    """Another file with the same packets and the sound."""
    target = path.with_stem(f"{path.stem} with sound")
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        video = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream("aac", rate=RATE_HZ, layout="mono")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        frame = AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return target


def named(path: Path) -> MediaFile:
    return MediaFile(path, sha256_of(path))


def read_frames(path: Path) -> list[npt.NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8) for frame in container.decode(video=0)]


def read_mono(path: Path) -> Samples:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)])


def read_subtitles(path: Path) -> dict[str, list[tuple[float, float, str]]]:
    """The lines of each language: start and end in seconds, and the text."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    with av.open(str(path)) as container:
        for stream in container.streams.subtitles:
            lines = found.setdefault(stream.metadata["language"], [])
            for packet in container.demux(stream):
                data = bytes(packet)
                text = data[2 : 2 + int.from_bytes(data[:2])].decode()
                if text and packet.pts is not None:
                    start = float(packet.pts * packet.time_base)
                    lines.append((start, start + float((packet.duration or 0) * packet.time_base), text))
            container.seek(0)
    return found


def read_chapter(found: Any) -> tuple[str, float]:
    """The title of a chapter and its beginning in seconds."""
    return found["metadata"]["title"], float(found["start"] * found["time_base"])
