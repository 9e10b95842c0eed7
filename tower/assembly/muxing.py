"""Writes the film: packets of pictures and sound are copied, subtitles, chapters, cover and tags are added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

import av
import cv2
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from tower.assembly.cut import SAMPLE_RATE_HZ, Chapter, EpisodeCut
from tower.assembly.encoding import read_header
from tower.assembly.errors import AssemblyError
from tower.assembly.packets import Piece, iter_slice
from tower.assembly.progress import Progress
from tower.assembly.subtitles import cue_ms, languages, split_overlaps
from tower.errors import InvalidError
from tower.media.clips import find_video_stream
from tower.media.decode import open_container
from tower.media.pictures import EXPECTED_PICTURE, decode_picture

WORK = 0.05  # of a frame that is encoded, for one that is copied
COVER_QUALITY = 92
MAX_COVER_PX = 2000
MP4_OPTIONS = {"movflags": "+faststart", "movie_timescale": "90000"}  # 1000 would round times to milliseconds
Timed: TypeAlias = "tuple[float, Packet[Any]]"  # a packet and its decoding time in seconds
UNTITLED = "Start"  # of a chapter before the first one


def write_film(cut: EpisodeCut, pieces: Sequence[Piece], track: Path, target: Path, progress: Progress) -> None:
    """Write the film to `target`."""
    with ExitStack() as opened:
        first = opened.enter_context(open_container(pieces[0].path))
        sound = opened.enter_context(open_container(track, decodes=False))
        out = opened.enter_context(av.open(str(target), "w", format="mp4", options=dict(MP4_OPTIONS)))
        out.metadata.update(film_tags(cut))
        pictures = out.add_stream_from_template(find_video_stream(first, pieces[0].path))
        pictures.time_base = 1 / cut.form.fps
        audio = out.add_stream_from_template(sound.streams.audio[0])
        subtitles = [_add_subtitles(out, cut, language) for language in languages(cut.subtitles)]
        cover = _add_cover(out, cut.cover) if cut.cover else []
        out.set_chapters(_chapters(cut))
        for packet in cover:
            out.mux(packet)
        copied = (_for_stream(packet, audio) for packet in sound.demux(sound.streams.audio[0]) if packet.size)
        for _, packet in merge(_pictures(cut, pieces, pictures, progress), copied, *subtitles, key=itemgetter(0)):
            out.mux(packet)


def film_chapters(cut: EpisodeCut) -> list[Chapter]:
    """The chapters in their order. One is added where the first begins later than the film, as MP4 would move it."""
    chapters = sorted(cut.chapters, key=lambda chapter: chapter.start_frame)
    if chapters and chapters[0].start_frame > 0:
        return [Chapter(0, cut.tags.get("title", UNTITLED)), *chapters]
    return chapters


def film_tags(cut: EpisodeCut) -> dict[str, str]:
    """The tags of the file. Its origin is in `comment`, as MP4 has no place for names of our own beside a cover."""
    return {**cut.tags, **({"comment": cut.origin} if cut.origin else {})}


def encode_cover(path: Path) -> tuple[bytes, tuple[int, int]]:
    """The cover as JPEG, and its size. Raises InvalidError if the file is no picture."""
    picture = decode_picture(path)
    if picture is None:
        raise InvalidError.field("cover", path.name, EXPECTED_PICTURE)
    colours = picture if picture.ndim == 2 else picture[:, :, :3]
    if colours.dtype != "uint8":
        colours = (colours // 257).astype("uint8")
    scale = min(1.0, MAX_COVER_PX / max(colours.shape[:2]))
    width, height = max(1, round(colours.shape[1] * scale)), max(1, round(colours.shape[0] * scale))
    small = cv2.resize(colours, (width, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, COVER_QUALITY])
    return data.tobytes(), (width, height)


def _pictures(cut: EpisodeCut, pieces: Sequence[Piece], stream: VideoStream, progress: Progress) -> Iterator[Timed]:
    """The packets with their times in the film, counted in frames."""
    header, rate, tick_s = read_header(cut.form), cut.form.fps, 1 / cut.form.fps
    frame_s = float(tick_s)
    lead = stream_lead(pieces[0].path)
    shown = 0
    for piece in pieces:
        first, count, frames_per_tick = None, 0, 0.0
        for position, packet in enumerate(iter_slice(piece.path, piece.start, piece.end, header=header)):
            if first is None:
                first, frames_per_tick = packet.pts or 0, float(packet.time_base * rate)
            number = round(((packet.pts or 0) - first) * frames_per_tick)
            packet.stream, packet.time_base = stream, tick_s
            sent = shown + position - lead
            packet.pts, packet.dts = shown + number, sent
            packet.duration = 1
            count += 1
            progress.advance(WORK)
            yield sent * frame_s, packet
        if count != piece.end - piece.start:
            raise AssemblyError(f"{piece.path.name} has {count} frames instead of {piece.end - piece.start}")
        shown += count


def stream_lead(path: Path) -> int:
    """The frames by which pictures are decoded before they are shown."""
    with open_container(path) as container:
        return int(find_video_stream(container, path).codec_context.reorder_depth)


def _for_stream(packet: Packet[Any], stream: Any) -> Timed:
    packet.stream = stream
    return (packet.dts or 0) / SAMPLE_RATE_HZ, packet


def _add_subtitles(out: OutputContainer, cut: EpisodeCut, language: str) -> Iterator[Timed]:
    """Add a track of one language, and return its packets: the length of the text in two bytes, then the text."""
    stream = out.add_mux_stream("mov_text")
    stream.time_base = Fraction(1, 1000)
    stream.metadata["language"] = language
    lines = split_overlaps(cue for cue in cut.subtitles if cue.language == language)

    def packets() -> Iterator[Timed]:
        for line in lines:
            text = line.text.encode()[:65_535]
            packet: Packet[Any] = Packet(len(text).to_bytes(2) + text)
            start, end = cue_ms(line.start_frame, cut.form.fps), cue_ms(line.end_frame, cut.form.fps)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = start
            packet.duration = end - start
            yield start / 1000, packet

    return packets()


def _add_cover(out: OutputContainer, path: Path) -> list[Packet[Any]]:
    data, (width, height) = encode_cover(path)
    stream = out.add_stream("mjpeg")
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
    stream.disposition = Disposition.attached_pic
    packet: Packet[Any] = Packet(data)
    packet.stream = stream
    packet.pts = packet.dts = 0
    packet.time_base = Fraction(1, 90_000)
    return [packet]


def _chapters(cut: EpisodeCut) -> list[Any]:
    """Each chapter lasts until the next one, and the last until the end of the film."""
    chapters = film_chapters(cut)
    ends = [*(chapter.start_frame for chapter in chapters), cut.frames][1:]
    return [
        {
            "id": number,
            "start": chapter.start_frame,
            "end": end,
            "time_base": 1 / cut.form.fps,
            "metadata": {"title": chapter.title},
        }
        for number, (chapter, end) in enumerate(zip(chapters, ends, strict=True))
    ]
