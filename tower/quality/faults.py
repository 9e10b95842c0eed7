"""Finds the faulty pictures of a clip. Pictures are numbered from 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from tower.quality.picture_metrics import Look
from tower.quality.pictures import FLAT, Levels
from tower.quality.verdict import Ranges

BLACK_LIT = 0.002  # share of lit pixels below which a picture is black
ORDERLY = 0.3  # correlation of neighbouring pixels below which a picture is noise
ALIKE = 0.5  # likeness below which two pictures are unrelated
FLASH = 4.0  # mean levels of change that count as a flash
RETURN = 0.4  # share of the flash that may remain once the picture before it is back
DETAILED = 2.0  # levels of spread above which motion is visible in a block
SHIFTED = 0.4  # mean levels by which a block changes when something moves in it
REPEATED = 0.3  # share of its neighbours' change below which a picture is a repeat
DETAIL_SHARE = 0.03  # of the blocks; with fewer, it is unknown whether the camera moves
WIDE = 0.6  # share of the detailed blocks that must move for a camera movement


def black(looks: Sequence[Look]) -> list[int]:
    return [i for i, look in enumerate(looks) if look.lit < BLACK_LIT]


def flat(looks: Sequence[Look]) -> list[int]:
    """Pictures of one colour that are not black."""
    return [i for i, look in enumerate(looks) if look.spread < FLAT and look.lit >= BLACK_LIT]


def noisy(looks: Sequence[Look]) -> list[int]:
    return [i for i, look in enumerate(looks) if look.order is not None and look.order < ORDERLY]


def unrelated(looks: Sequence[Look]) -> list[int]:
    """Pictures that no camera movement can have turned the one before into."""
    compared = ((i, look.beside.likeness) for i, look in enumerate(looks) if look.beside)
    return [i for i, likeness in compared if likeness is not None and likeness < ALIKE]


def flashing(looks: Sequence[Look]) -> list[int]:
    """Pictures that differ from the one before and resemble the one before that."""
    compared = ((i, look.beside) for i, look in enumerate(looks) if look.beside)
    return [i for i, b in compared if b.change > FLASH and b.back is not None and b.back < RETURN * b.change]


def still(looks: Sequence[Look]) -> list[int]:
    """Pictures in which only grain moves. Black and flat ones are left out, because other faults cover them."""
    empty = {*black(looks), *flat(looks)}
    return [i for i, look in enumerate(looks) if look.beside and look.beside.still and i not in empty]


def repeated(looks: Sequence[Look]) -> tuple[list[int], int]:
    """Pictures that repeat the one before while the camera moves, and the number of pictures in which it moves.

    A character drawn on twos over a still background is not a repeat: there most of the detail does not move anyway.
    """
    flashes = flashing(looks)
    jumps = {*unrelated(looks), *flashes, *(i - 1 for i in flashes)}
    moves = [look.beside.blocks if look.beside and i not in jumps else None for i, look in enumerate(looks)]
    repeats, moving = [], 0
    for i, (look, blocks) in enumerate(zip(looks, moves, strict=True)):
        detailed = look.detail > DETAILED
        if blocks is None or detailed.mean() < DETAIL_SHARE:
            continue
        near = _largest_change([m for m in (*moves[max(0, i - 2) : i], *moves[i + 1 : i + 3]) if m is not None], blocks)
        stopped = (near > SHIFTED) & (blocks < REPEATED * near)
        repeats += [i] if stopped[detailed].mean() >= WIDE else []
        moving += bool((np.maximum(near, blocks) > SHIFTED)[detailed].mean() >= WIDE)
    return repeats, moving


def spans(numbers: Iterable[int], *, least: int = 1) -> Ranges:
    """The numbers as ranges of first and last, without those shorter than `min_length`."""
    runs = [[i for _, i in run] for _, run in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])]
    return tuple((run[0], run[-1]) for run in runs if len(run) >= least)


def named(where: Ranges, *, most: int = 3) -> str:
    """The ranges in brackets after a space, as in ` (frames 3–5, 9)`, or an empty text without ranges."""
    words = [str(first) if first == last else f"{first}–{last}" for first, last in where[:most]]
    more = " and elsewhere" if len(where) > most else ""
    return f" (frames {', '.join(words)}{more})" if words else ""


def _largest_change(near: list[Levels], like: Levels) -> Levels:
    largest = np.zeros_like(like)
    for blocks in near:
        if blocks.shape == like.shape:
            np.maximum(largest, blocks, out=largest)
    return largest
