"""Finds the part of a take whose packets are copied into the film, and encodes the few frames beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tower.assembly.cut import Card, FilmForm, Item
from tower.assembly.encoding import read_header, write_clip
from tower.assembly.packets import Piece, decode_slice
from tower.assembly.progress import Progress
from tower.media.clips import SegmentStream, inspect_stream
from tower.media.files import touch_if_present


@dataclass(frozen=True)
class Span:
    """Frames of a take: from `start` until before `end`."""

    start: int
    end: int


def find_copy(item: Item, shown: Span, form: FilmForm) -> Span | None:
    """The packets of `shown` that can be copied: a copy starts at an IDR frame and ends where no frame is missing.

    None if the take has another form, speed or effect, or no part of it can be copied.
    """
    if isinstance(item, Card) or item.speed != 1 or item.effect:
        return None
    take = inspect_stream(item.take.path, 0, decodes=False)
    if not _has_form(take, form) or item.first_frame + item.source_frames > take.frames:
        return None
    if shown.start == shown.end:
        return shown
    start = min((frame for frame in take.idr_frames if frame >= shown.start), default=take.frames)
    end = max((frame for frame in take.closed_ends if frame <= shown.end), default=0)
    return Span(start, end) if start < end else None


def copy_pieces(
    take: Path, shown: Span, copied: Span, *, form: FilmForm, beside: Path, progress: Progress
) -> list[Piece]:
    """The pieces that show `shown`: encoded frames, copied ones, encoded ones. New files are named like `beside`."""
    pieces = [
        _encode(take, Span(shown.start, copied.start), form, beside.with_suffix(".start.mp4"), progress),
        Piece(take, copied.start, copied.end),
        _encode(take, Span(copied.end, shown.end), form, beside.with_suffix(".end.mp4"), progress),
    ]
    return [piece for piece in pieces if piece.end > piece.start]


def _encode(take: Path, span: Span, form: FilmForm, target: Path, progress: Progress) -> Piece:
    count = span.end - span.start
    if count and not touch_if_present(target):
        frames = decode_slice(take, span.start, span.end)
        write_clip(target, form, frames, count=count, keyframes=frozenset({0}), progress=progress)
    return Piece(target, 0, count)


def _has_form(take: SegmentStream, form: FilmForm) -> bool:
    is_equal = take.size == (form.width, form.height) and take.rate == form.fps and take.header == read_header(form)
    return is_equal and take.is_tower_format and take.is_constant_rate
