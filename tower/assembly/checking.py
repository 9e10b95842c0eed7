"""Reads a finished film back and compares it with everything that was promised. A miss is an error that names it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from tower.assembly.cut import SAMPLE_RATE_HZ, EpisodeCut
from tower.assembly.errors import AssemblyError
from tower.assembly.levels import PEAK_DBTP
from tower.assembly.master import Master
from tower.assembly.muxing import film_chapters, film_tags
from tower.assembly.progress import Progress
from tower.assembly.subtitles import languages
from tower.errors import InvalidError
from tower.media.decode import open_container
from tower.media.probe import has_index_first
from tower.media.x264 import BT709

TAGS = frozenset(
    {"title", "show", "season_number", "episode_sort", "episode_id", "description", "synopsis"}
    | {"date", "genre", "artist", "album", "composer", "copyright", "network"}
)
FRAME_SAMPLES = 1024
LANGUAGE = re.compile("[a-z]{3}")
TICK_S = 1 / 90_000


@dataclass(frozen=True)
class SoundFacts:
    rate_hz: int
    channels: int
    starts_s: float
    lasts_s: float
    digest: str


def check_tags(cut: EpisodeCut) -> None:
    """Raises InvalidError for a tag that MP4 has no place for: it would be lost without a word."""
    for name, value in cut.tags.items():
        if name not in TAGS or not value:
            raise InvalidError.field(f"tags.{name}", value, f"text for one of {', '.join(sorted(TAGS))}")
    for number, cue in enumerate(cut.subtitles):
        if not LANGUAGE.fullmatch(cue.language):
            raise InvalidError.field(f"subtitles.{number}.language", cue.language, "three letters of ISO 639-2: jpn")


def check_film(path: Path, cut: EpisodeCut, sound: Master, progress: Progress) -> None:
    """Raises AssemblyError, which names what the film misses."""
    with open_container(path) as container:
        pictures = [stream for stream in container.streams.video if not is_cover(stream)]
        misses = [
            *_check_form(pictures[0], cut),
            *_check_tracks(container, cut),
            *_check_extras(container, cut),
            *([] if has_index_first(path) else ["its index does not come first"]),
        ]
    times_s, found = _read_packets(path, progress)
    _, measured = _read_packets(sound.path, progress)
    misses += [*_check_pictures(times_s, cut), *_check_sound(found, measured, cut, sound)]
    if misses:
        raise AssemblyError(f"The film misses what was promised: {'; '.join(misses)}", details={"misses": misses})


def is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _check_form(video: VideoStream, cut: EpisodeCut) -> Iterator[str]:
    context = video.codec_context
    if (video.width, video.height) != (cut.form.width, cut.form.height):
        yield f"its pictures are {video.width}×{video.height} and not {cut.form.width}×{cut.form.height}"
    if context.name != "h264" or context.pix_fmt != "yuv420p":
        yield f"its pictures are {context.name} in {context.pix_fmt} and not H.264 in yuv420p"
    if (context.color_primaries, context.color_trc, context.colorspace, context.color_range) != (BT709,) * 4:
        yield "its colours are not tagged as BT.709 in limited range"
    if video.average_rate != cut.form.fps:
        yield f"its rate is {video.average_rate} and not {cut.form.fps}"


def _check_tracks(container: InputContainer, cut: EpisodeCut) -> Iterator[str]:
    found = [stream.metadata.get("language") for stream in container.streams.subtitles]
    if found != languages(cut.subtitles):
        yield f"its subtitles are in {found} and not in {languages(cut.subtitles)}"
    covers = [stream for stream in container.streams.video if is_cover(stream)]
    if len(covers) != (cut.cover is not None):
        yield f"it has {len(covers)} covers"


def _check_extras(container: InputContainer, cut: EpisodeCut) -> Iterator[str]:
    expected = [(chapter.start_frame / cut.form.fps, chapter.title) for chapter in film_chapters(cut)]
    found = [_chapter(chapter) for chapter in container.chapters()]
    near = [abs(a[0] - b[0]) <= Fraction(1, 1000) and a[1] == b[1] for a, b in zip(expected, found, strict=False)]
    if len(found) != len(expected) or not all(near):
        yield f"it has {sum(near)} of its {len(expected)} chapters at their time with their title"
    lost = sorted(name for name, value in film_tags(cut).items() if container.metadata.get(name) != value)
    if lost:
        yield f"it lacks the tags {', '.join(lost)}"


def _chapter(found: Any) -> tuple[Fraction, str]:
    return Fraction(found["start"] * found["time_base"]), found["metadata"].get("title", "")


def _check_pictures(times_s: list[float], cut: EpisodeCut) -> Iterator[str]:
    step_s = float(1 / cut.form.fps)
    if len(times_s) != cut.frames:
        yield f"it has {len(times_s)} frames and not {cut.frames}"
    off = max((abs(time_s - number * step_s) for number, time_s in enumerate(sorted(times_s))), default=0.0)
    if off > TICK_S:
        yield f"a frame is {off * 1000:.2f} ms from its time at a constant rate"


def _check_sound(found: SoundFacts, measured: SoundFacts, cut: EpisodeCut, sound: Master) -> Iterator[str]:
    """Compare the packets with those of the track whose loudness and peaks were measured."""
    if (found.rate_hz, found.channels) != (SAMPLE_RATE_HZ, 2):
        yield f"its sound has {found.rate_hz} Hz and {found.channels} channels, and not {SAMPLE_RATE_HZ} and 2"
    if found.digest != measured.digest:
        yield "its sound is not the one that was measured"
    if abs(found.starts_s) > TICK_S:
        yield f"its sound begins {found.starts_s * 1000:.1f} ms after its pictures"
    if abs(found.lasts_s - cut.duration_s) > FRAME_SAMPLES / SAMPLE_RATE_HZ:
        yield f"its sound lasts {found.lasts_s:.3f} s and its pictures {cut.duration_s:.3f} s"
    if sound.lufs is not None and not (sound.is_on_target or sound.note):
        yield f"its loudness is {sound.lufs:.1f} LUFS"
    if sound.peak_dbtp is not None and sound.peak_dbtp > PEAK_DBTP:
        yield f"its true peak is {sound.peak_dbtp:.1f} dBTP"


def _read_packets(path: Path, progress: Progress) -> tuple[list[float], SoundFacts]:
    """The times of the pictures, and what is known of the sound, in one pass. Nothing is decoded: both are copied."""
    digest, times_s = hashlib.sha256(), []
    with open_container(path, decodes=False) as container:
        audio = container.streams.audio[0]
        pictures = [stream for stream in container.streams.video if not is_cover(stream)][:1]
        tick_s = float(pictures[0].time_base or 0) if pictures else 0.0
        for packet in container.demux(audio, *pictures):
            if packet.stream_index == audio.index:
                digest.update(bytes(packet))
            elif packet.size:
                progress.advance()
                times_s.append((packet.pts or 0) * tick_s)
        first, time_base = audio.start_time or 0, audio.time_base or Fraction(1, SAMPLE_RATE_HZ)
        return times_s, SoundFacts(
            rate_hz=audio.codec_context.sample_rate,
            channels=audio.codec_context.channels,
            starts_s=float(first * time_base),
            lasts_s=float((audio.duration or 0) * time_base),
            digest=digest.hexdigest(),
        )
