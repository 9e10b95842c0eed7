"""Brings each item of the cut into the film's form: a take that is in it already is used as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from av.video.frame import VideoFrame

from tower.assembly.burning import burn_lines
from tower.assembly.cards import card_frames
from tower.assembly.cut import CUT, Card, EpisodeCut, FilmForm, Item, MediaFile, Transition, TransitionKind
from tower.assembly.encoding import read_header, write_clip
from tower.assembly.keys import content_key
from tower.assembly.pictures import shot_frames
from tower.assembly.progress import Progress
from tower.assembly.subtitles import SubtitleLine, lines_between
from tower.errors import TowerError
from tower.media.clips import SegmentStream, inspect_stream
from tower.media.files import touch_if_present


class ClipSource(StrEnum):
    AS_IT_IS = "as it is"
    CACHED = "cached"
    ENCODED = "encoded"


@dataclass(frozen=True)
class Clip:
    """The pictures of an item: `frames` frames from `first_frame` of a file in the film's form.

    `head` and `tail` are the frames that the transitions before and after it use; the frames between start with an
    IDR frame and are followed by one.
    """

    path: Path
    key: str
    first_frame: int
    frames: int
    head: int
    tail: int
    source: ClipSource


@dataclass(frozen=True)
class ClipPlan:
    """An item and what its clip depends on. `name` is that of the item in errors."""

    name: str
    item: Item
    head: int
    tail: int
    lines: tuple[SubtitleLine, ...]
    key: str


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
    target, mark = _file(plan, folder), _mark(plan, folder)
    if touch_if_present(target):
        return _conformed(plan, target, ClipSource.CACHED)
    if touch_if_present(mark) or _can_be_used(plan, form):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        return _as_it_is(plan)
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
    return shot_frames(plan.item, form, item=plan.name)


def _can_be_used(plan: ClipPlan, form: FilmForm) -> bool:
    """Whether the packets of the take can be copied into the film: equal form, and IDR frames where it is cut."""
    if isinstance(plan.item, Card) or plan.lines or plan.item.speed != 1:
        return False
    take = inspect_stream(plan.item.take.path, 0)
    start, end = plan.item.first_frame, plan.item.first_frame + plan.item.source_frames
    edges = {start, start + plan.head, end - plan.tail, end} - {take.frames}
    return _has_form(take, form) and end <= take.frames and edges <= take.idr_frames


def _has_form(take: SegmentStream, form: FilmForm) -> bool:
    is_equal = take.size == (form.width, form.height) and take.rate == form.fps and take.header == read_header(form)
    return is_equal and take.is_tower_format and take.is_constant_rate


def _conformed(plan: ClipPlan, path: Path, source: ClipSource) -> Clip:
    return Clip(path, plan.key, 0, plan.item.frames, plan.head, plan.tail, source)


def _as_it_is(plan: ClipPlan) -> Clip:
    assert not isinstance(plan.item, Card)
    item, source = plan.item, ClipSource.AS_IT_IS
    return Clip(item.take.path, plan.key, item.first_frame, item.frames, plan.head, plan.tail, source)


def _picture_parts(item: Item) -> tuple[object, ...]:
    """What the pictures of an item depend on: not its sound, nor what it is called."""
    if isinstance(item, Card):
        return (item,)
    take: MediaFile = item.take
    return (take, item.first_frame, item.source_frames, item.speed)


def _file(plan: ClipPlan, folder: Path) -> Path:
    return folder / "clips" / f"{plan.key}.mp4"


def _mark(plan: ClipPlan, folder: Path) -> Path:
    """An empty file which says that the take is used as it is."""
    return folder / "clips" / f"{plan.key}.as-it-is"
