"""A small episode of which every frame and every sound is known, and what a reader finds in its film."""

from __future__ import annotations

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

SIZE = (128, 96)
FORM = FilmForm(*SIZE, Fraction(24))
FLASH = 20  # of the take with clicks
RATE_HZ = 48_000
SCENES = (101, 102, 103, 104)
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """Takes in Tower's form (`house`, `clicking`) and in another one, music and a spoken line."""

    house: MediaFile
    foreign: MediaFile
    clicking: MediaFile
    music: MediaFile
    speech: MediaFile
    cover: Path


def make_material(folder: Path) -> Material:
    house = write_house_take(folder / "house.mp4", range(48), shade=60)
    pictures = [draw_planes(100 + number, 120, (160, 120)) for number in range(50)]
    foreign = write_clip(folder / "foreign.mp4", pictures, ClipFormat(size=(160, 120), tagged=True))
    clicking = write_house_take(folder / "clicking.mp4", range(200, 248), shade=180, flash=FLASH)
    tone = 0.1 * np.sin(2 * np.pi * 220 * np.arange(12 * RATE_HZ) / RATE_HZ)
    voice = 0.3 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)
    cv2.imwrite(str(folder / "cover.png"), np.full((90, 60, 3), 120, np.uint8))
    return Material(
        named(house),
        named(foreign),
        named(add_sound(clicking, click_track(FLASH / 24, 2.0))),
        named(write_sound(folder / "music.wav", tone[None], RATE_HZ)),
        named(write_sound(folder / "speech.wav", voice[None], 24_000)),
        folder / "cover.png",
    )


def golden_cut(material: Material) -> EpisodeCut:
    """Card, house take, dissolve, foreign take, fade, clicking take, part of the house take twice as fast, card."""
    shots = (
        Shot(uuid.UUID(int=1), "One", material.house, 0, 48),
        Shot(uuid.UUID(int=2), "Two", material.foreign, 5, 40),
        Shot(uuid.UUID(int=3), "Three", material.clicking, 0, 48, sound=SoundRule.KEEP),
        Shot(uuid.UUID(int=4), "Four", material.house, 8, 32, speed=Fraction(2)),
    )
    title = Card(CardKind.TITLE, ("Neon 雨", "第1話"), 12)
    end = Card(CardKind.END, ("Fin",), 12)
    dissolve, fade = Transition(TransitionKind.DISSOLVE, 4), Transition(TransitionKind.FADE, 6)
    cut = EpisodeCut(FORM, (title, *shots, end), (CUT, dissolve, fade, CUT, CUT))
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
        chapters=tuple(Chapter(starts[number], f"シーン {number}") for number in range(1, 5)),
        tags={"title": "Neon Rain 1", "show": "Neon Rain", "season_number": "1"},
        origin='{"statement": "雨", "commit": "c0ffee"}',
        cover=material.cover,
    )


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
