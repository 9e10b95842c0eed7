"""Keeps text out of ComfyUI's emphasis: (words:1.2) is emphasis, and (Monday 12:45) is text, not a weight of 45.

ComfyUI (`comfy/sd1_clip.py`) reads each group in parentheses as emphasis: the number after its last colon is the
weight, and without one it is 1.1. A parenthesis without a partner changes how those after it are read. A backslash
before a parenthesis makes it text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tower.engines.base import Shot

MAX_WEIGHT = 3.0  # a larger weight, either way, leaves nothing of the rest of the prompt
REMARK = "Parentheses in {} are sent as text, because ComfyUI would read them as emphasis: {}"
_PARENTHESIS = re.compile(r"\\[()]|[()]")
_TIME = re.compile(r"(^|\D)\d{1,2}:\d{2}$")


@dataclass(frozen=True)
class _Group:
    """A pair of parentheses by their places in the prompt, or one without a partner."""

    places: tuple[int, ...]
    text: str


def with_plain_parentheses(shot: Shot) -> tuple[Shot, tuple[str, ...]]:
    """The shot with prompts whose parentheses mean what their author meant, and a remark for each changed prompt."""
    names = [member.name for member in shot.cast]
    prompt, negative = escape_text(shot.prompt, names), escape_text(shot.negative_prompt, names)
    changed = {"the prompt": (shot.prompt, prompt), "the negative prompt": (shot.negative_prompt, negative)}
    remarks = (REMARK.format(name, after) for name, (before, after) in changed.items() if before != after)
    return replace(shot, prompt=prompt, negative_prompt=negative), tuple(remarks)


def escape_text(prompt: str, names: Iterable[str] = ()) -> str:
    """Escape the parentheses that are text: those of names, times, weights beyond MAX_WEIGHT, and unpaired ones."""
    named = [span for name in names for span in _find(name, prompt)]
    places = {
        place
        for group in _groups(prompt)
        if _is_text(group) or any(start <= group.places[0] < end for start, end in named)
        for place in group.places
    }
    return "".join(f"\\{letter}" if place in places else letter for place, letter in enumerate(prompt))


def _groups(prompt: str) -> Iterator[_Group]:
    opened: list[int] = []
    for found in _PARENTHESIS.finditer(prompt):
        place = found.start()
        if found[0] == "(":
            opened.append(place)
        elif found[0] == ")" and opened:
            start = opened.pop()
            yield _Group((start, place), prompt[start + 1 : place])
        elif found[0] == ")":
            yield _Group((place,), "")
    yield from (_Group((place,), "") for place in opened)


def _is_text(group: _Group) -> bool:
    words, colon, number = group.text.rpartition(":")
    if len(group.places) == 1:
        return True
    if not colon or not words:
        return False
    try:
        weight = float(number)
    except ValueError:
        return False
    return not math.isfinite(weight) or abs(weight) > MAX_WEIGHT or _TIME.search(group.text) is not None


def _find(name: str, prompt: str) -> Iterator[tuple[int, int]]:
    if "(" not in name and ")" not in name:
        return
    for found in re.finditer(re.escape(name), prompt, re.IGNORECASE):
        yield found.span()
