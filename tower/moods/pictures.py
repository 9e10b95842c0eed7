"""What a mood asks of a picture. Which words name a mood, and what it asks of music: tower/library/moods.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tower.jobs.spec import SceneType
from tower.library.moods import KNOWN, Mood, mood_of

D, A, M, E = SceneType.DIALOGUE, SceneType.ACTION, SceneType.EMOTIONAL, SceneType.EPIC


class Source(StrEnum):
    """Where a choice is from. `set` and `learned`: a preference."""

    REQUEST = "request"
    PROMPT = "prompt"
    SET = "set"
    LEARNED = "learned"
    MOOD = "mood"
    SCENE_TYPE = "scene_type"


@dataclass(frozen=True)
class Look:
    """`styles` and `cameras` (types of scene: they frame and move it): the first that is not disliked is chosen.

    `words` go into the prompt. They name light, colour and air, and no place, hour or weather: those are the user's.
    """

    styles: tuple[str, ...]
    cameras: tuple[SceneType, ...]
    words: str


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "epic": Look(("cinematic", "anime"), (E, A), "grand scale, rim light, saturated colours"),
        "calm": Look(("artistic", "anime"), (D, M), "soft diffused light, pastel colours, quiet composition"),
        "sad": Look(("cinematic", "artistic"), (M, D), "muted colours, low contrast, lowered gaze, empty space"),
        "happy": Look(("anime", "artistic"), (D, A), "cheerful smile, vivid colours, airy light"),
        "energetic": Look(("anime", "cinematic"), (A, E), "strong motion, bold colours, high contrast"),
        "tense": Look(("cinematic", "realistic"), (A, M), "hard side light, tight framing, deep shadows"),
        "romantic": Look(("anime", "artistic"), (M, D), "warm rim light, soft focus, blush"),
        "dark": Look(("realistic", "cinematic"), (M, E), "low key light, desaturated colours, heavy shadows"),
        "dreamy": Look(("artistic", "anime"), (M, E), "soft bloom, floating composition, pale colours"),
        "mysterious": Look(("cinematic", "artistic"), (E, M), "backlight, half hidden face, teal shadows"),
    }
)
OF_ITS_OWN = Look(("anime",), (D,), "")  # a mood that only the user knows
USUAL = {D: "calm", A: "energetic", M: "sad", E: "epic"}  # the mood of a scene of which nothing else is known


def look_of(mood: str) -> Look:
    """Of a mood that only the user knows: plain, with the mood as a word of the prompt."""
    return LOOKS.get(mood) or Look(OF_ITS_OWN.styles, OF_ITS_OWN.cameras, f"{mood} mood")


def mood_in(prompt: str) -> tuple[Mood, str] | None:
    """The mood that most words of the prompt name, and the first of them; the earlier one of two."""
    said: dict[str, list[str]] = {}
    for word in [*re.findall(r"[a-z]+", prompt.lower()), *_japanese(prompt)]:
        mood = mood_of(word)
        if mood is not None:
            said.setdefault(mood.name, []).append(word)
    if not said:
        return None
    name = max(said, key=lambda one: len(said[one]))
    found = mood_of(name)
    return None if found is None else (found, said[name][0])


def known() -> str:
    """All of them, for a sentence."""
    return ", ".join(KNOWN)


def _japanese(prompt: str) -> list[str]:
    """Runs of Japanese characters are not parted by spaces: every piece of up to six of them may be a word."""
    runs = re.findall(r"[\u3040-\u30ff\u3400-\u9fff]+", prompt)
    pieces = {run[i : i + n] for run in runs for i in range(len(run)) for n in range(1, 7) if i + n <= len(run)}
    return sorted(piece for piece in pieces if mood_of(piece) is not None)
