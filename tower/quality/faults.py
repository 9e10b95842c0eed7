"""Finds the faulty pictures of a clip. Pictures are numbered from 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from tower.quality.picture_metrics import PictureStats
from tower.quality.pictures import FLAT_SPREAD, Levels
from tower.quality.verdict import FrameRanges

MIN_LIT_SHARE = 0.002  # share of lit pixels below which a picture is black
MIN_NEIGHBOUR_CORRELATION = 0.3  # correlation of neighbouring pixels below which a picture is noise
MIN_LIKENESS = 0.5  # likeness below which two pictures are unrelated
MIN_FLASH_CHANGE = 4.0  # mean levels of change that count as a flash
MAX_RETURN_SHARE = 0.4  # share of the flash that may remain once the picture before it is back
MIN_DETAIL = 2.0  # levels of spread above which motion is visible in a block
MIN_BLOCK_CHANGE = 0.4  # mean levels by which a block changes when something moves in it
MAX_REPEAT_SHARE = 0.3  # share of its neighbours' change below which a picture is a repeat
MIN_DETAIL_SHARE = 0.03  # of the blocks; with fewer, it is unknown whether the camera moves
MIN_MOVING_SHARE = 0.6  # share of the detailed blocks that must move for a camera movement


def black_frames(stats: Sequence[PictureStats]) -> list[int]:
    return [i for i, look in enumerate(stats) if look.lit_share < MIN_LIT_SHARE]


def flat_frames(stats: Sequence[PictureStats]) -> list[int]:
    """Pictures of one colour that are not black."""
    return [i for i, look in enumerate(stats) if look.spread < FLAT_SPREAD and look.lit_share >= MIN_LIT_SHARE]


def noisy_frames(stats: Sequence[PictureStats]) -> list[int]:
    return [
        i
        for i, look in enumerate(stats)
        if look.neighbour_correlation is not None and look.neighbour_correlation < MIN_NEIGHBOUR_CORRELATION
    ]


def unrelated_frames(stats: Sequence[PictureStats]) -> list[int]:
    """Pictures that no camera movement can have turned the one before into."""
    compared = ((i, look.comparison.likeness) for i, look in enumerate(stats) if look.comparison)
    return [i for i, likeness in compared if likeness is not None and likeness < MIN_LIKENESS]


def flashing_frames(stats: Sequence[PictureStats]) -> list[int]:
    """Pictures that differ from the one before and resemble the one before that."""
    compared = ((i, look.comparison) for i, look in enumerate(stats) if look.comparison)
    return [
        i
        for i, b in compared
        if b.change > MIN_FLASH_CHANGE
        and b.change_from_earlier is not None
        and b.change_from_earlier < MAX_RETURN_SHARE * b.change
    ]


def still_frames(stats: Sequence[PictureStats]) -> list[int]:
    """Pictures in which only grain moves. Black and flat ones are left out, because other faults cover them."""
    empty = {*black_frames(stats), *flat_frames(stats)}
    return [i for i, look in enumerate(stats) if look.comparison and look.comparison.is_still and i not in empty]


def repeated_frames(stats: Sequence[PictureStats]) -> tuple[list[int], int]:
    """Pictures that repeat the one before while the camera moves, and the number of pictures in which it moves.

    A character drawn on twos over a still background is not a repeat: there most of the detail does not move anyway.
    """
    flashes = flashing_frames(stats)
    jumps = {*unrelated_frames(stats), *flashes, *(i - 1 for i in flashes)}
    moves = [
        look.comparison.block_changes if look.comparison and i not in jumps else None for i, look in enumerate(stats)
    ]
    repeats, moving = [], 0
    for i, (look, blocks) in enumerate(zip(stats, moves, strict=True)):
        detailed = look.detail > MIN_DETAIL
        if blocks is None or detailed.mean() < MIN_DETAIL_SHARE:
            continue
        near = _largest_change([m for m in (*moves[max(0, i - 2) : i], *moves[i + 1 : i + 3]) if m is not None], blocks)
        stopped = (near > MIN_BLOCK_CHANGE) & (blocks < MAX_REPEAT_SHARE * near)
        repeats += [i] if stopped[detailed].mean() >= MIN_MOVING_SHARE else []
        moving += bool((np.maximum(near, blocks) > MIN_BLOCK_CHANGE)[detailed].mean() >= MIN_MOVING_SHARE)
    return repeats, moving


def frame_ranges(numbers: Iterable[int], *, min_length: int = 1) -> FrameRanges:
    """The numbers as ranges of first and last, without those shorter than `min_length`."""
    runs = [[i for _, i in run] for _, run in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])]
    return tuple((run[0], run[-1]) for run in runs if len(run) >= min_length)


def describe_ranges(ranges: FrameRanges, *, max_ranges: int = 3) -> str:
    """The ranges in brackets after a space, as in ` (frames 3–5, 9)`, or an empty text without ranges."""
    words = [str(first) if first == last else f"{first}–{last}" for first, last in ranges[:max_ranges]]
    more = " and elsewhere" if len(ranges) > max_ranges else ""
    return f" (frames {', '.join(words)}{more})" if words else ""


def _largest_change(near: list[Levels], like: Levels) -> Levels:
    largest = np.zeros_like(like)
    for blocks in near:
        if blocks.shape == like.shape:
            np.maximum(largest, blocks, out=largest)
    return largest
