"""Brings each item of the cut into the film's form: a take that is in it already is copied where it can be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from av.video.frame import VideoFrame

from tower.assembly.burning import burn_lines
from tower.assembly.cards import card_frames
from tower.assembly.copies import Span, copy_pieces, find_copy
from tower.assembly.cut import CUT, Card, EpisodeCut, FilmForm, Item, MediaFile, Transition, TransitionKind
from tower.assembly.effects import effect_frames
from tower.assembly.encoding import write_clip
from tower.assembly.keys import content_key
from tower.assembly.packets import Piece
from tower.assembly.pictures import shot_frames
from tower.assembly.progress import Progress
from tower.assembly.subtitles import SubtitleLine, lines_between
from tower.errors import TowerError
from tower.media.files import touch_if_present


class ClipSource(StrEnum):
    AS_IT_IS = "as it is"
    CACHED = "cached"
    ENCODED = "encoded"


@dataclass(frozen=True)
class Clip:
    """The pictures of an item: `frames` frames from `first_frame` of a file in the film's form.

    `head` and `tail` are the frames that the transitions before and after it use; `pieces` show the frames between.
    """

    path: Path
    key: str
    first_frame: int
    frames: int
    head: int
    tail: int
    source: ClipSource
    pieces: tuple[Piece, ...]

    @property
    def copied_frames(self) -> int:
        return sum(piece.end - piece.start for piece in self.pieces if piece.path == self.path)


@dataclass(frozen=True)
class ClipPlan:
    """An item and what its clip depends on. `name` is that of the item in errors."""

    name: str
    item: Item
    head: int
    tail: int
    lines: tuple[SubtitleLine, ...]
    key: str

    @property
    def body(self) -> Span:
        """The frames of the take that no transition uses. Only for shots at their own speed."""
        first = 0 if isinstance(self.item, Card) else self.item.first_frame
        return Span(first + self.head, first + self.item.frames - self.tail)


def plan_clips(cut: EpisodeCut, burnt: Sequence[SubtitleLine]) -> list[ClipPlan]:
    """`burnt` are the lines that are drawn into the pictures."""
    plans = []
    sides = zip((CUT, *cut.transitions), (*cut.transitions, CUT), strict=True)
    for number, (item, start, (before, after)) in enumerate(zip(cut.items, cut.starts, sides, strict=True)):
        head, tail = head_frames(before), tail_frames(after)
        lines = lines_between(burnt, start, start + item.frames)
        key = content_key("clip", cut.form, _picture_parts(item), head, tail, lines)
        plans.append(ClipPlan(f"items.{number}", item, head, tail, lines, key))
    return plans


def tail_frames(transition: Transition) -> int:
    """The frames that a transition uses of the item before it."""
    return transition.frames // 2 if transition.kind is TransitionKind.FADE else transition.frames


def head_frames(transition: Transition) -> int:
    """The frames that a transition uses of the item after it."""
    return transition.frames - transition.frames // 2 if transition.kind is TransitionKind.FADE else transition.frames


def is_cached(plan: ClipPlan, folder: Path) -> bool:
    return _file(plan, folder).is_file() or _mark(plan, folder).is_file()


def prepare_clip(plan: ClipPlan, form: FilmForm, folder: Path, progress: Progress) -> Clip:
    """The clip of an item, encoded unless the take or a cached file will do. A TowerError names the item."""
    try:
        return _prepare_clip(plan, form, folder, progress)
    except TowerError as error:
        if plan.name not in error.message:
            error.message = f"{plan.name}: {error.message}"
            error.args = (error.message,)
        raise


def _prepare_clip(plan: ClipPlan, form: FilmForm, folder: Path, progress: Progress) -> Clip:
    target = _file(plan, folder)
    if touch_if_present(target):
        return _conformed(plan, target, ClipSource.CACHED)
    copied = _read_mark(plan, folder) or _find_copy(plan, form, folder, progress)
    if copied is not None:
        return _copied(plan, copied, form, target, progress)
    write_clip(
        target,
        form,
        burn_lines(_frames(plan, form), plan.lines, form),
        count=plan.item.frames,
        keyframes=frozenset({0, plan.head, plan.item.frames - plan.tail}),
        progress=progress,
    )
    return _conformed(plan, target, ClipSource.ENCODED)


def _frames(plan: ClipPlan, form: FilmForm) -> Iterator[VideoFrame]:
    if isinstance(plan.item, Card):
        return card_frames(plan.item, form)
    frames = shot_frames(plan.item, form, item=plan.name)
    return frames if plan.item.effect is None else effect_frames(plan.item, plan.item.effect, frames, form)


def _find_copy(plan: ClipPlan, form: FilmForm, folder: Path, progress: Progress) -> Span | None:
    copied = None if plan.lines else find_copy(plan.item, plan.body, form)
    if copied is not None:
        mark = _mark(plan, folder)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps([copied.start, copied.end]))  # half of it is no JSON and counts as none
        progress.end_step(f"wrote {mark.parent.name}/{mark.name}")
    return copied


def _read_mark(plan: ClipPlan, folder: Path) -> Span | None:
    mark = _mark(plan, folder)
    if not touch_if_present(mark):
        return None
    try:
        start, end = json.loads(mark.read_text())
    except (OSError, ValueError):  # the cache was emptied meanwhile, or an earlier version wrote it
        return None
    return Span(start, end)


def _conformed(plan: ClipPlan, path: Path, source: ClipSource) -> Clip:
    body = Piece(path, plan.head, plan.item.frames - plan.tail)
    pieces = (body,) if body.end > body.start else ()
    return Clip(path, plan.key, 0, plan.item.frames, plan.head, plan.tail, source, pieces)


def _copied(plan: ClipPlan, copied: Span, form: FilmForm, beside: Path, progress: Progress) -> Clip:
    assert not isinstance(plan.item, Card)
    item, take = plan.item, plan.item.take.path
    pieces = copy_pieces(take, plan.body, copied, form=form, beside=beside, progress=progress)
    source = ClipSource.AS_IT_IS
    return Clip(take, plan.key, item.first_frame, item.frames, plan.head, plan.tail, source, tuple(pieces))


def _picture_parts(item: Item) -> tuple[object, ...]:
    """What the pictures of an item depend on: not its sound, nor what it is called."""
    if isinstance(item, Card):
        return (item,)
    take: MediaFile = item.take
    seen = (take, item.first_frame, item.source_frames, item.speed)
    return seen if item.effect is None else (*seen, item.effect)


def _file(plan: ClipPlan, folder: Path) -> Path:
    return folder / "clips" / f"{plan.key}.mp4"


def _mark(plan: ClipPlan, folder: Path) -> Path:
    """A file which says which frames of the take are copied."""
    return folder / "clips" / f"{plan.key}.as-it-is"
