"""The look of each mood: styles, cameras and prompt words. Its names and its music are in tower/library/moods.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tower.jobs.spec import SceneType
from tower.library.moods import MOOD_NAMES, Mood, find_mood

D, A, M, E = SceneType.DIALOGUE, SceneType.ACTION, SceneType.EMOTIONAL, SceneType.EPIC


class ChoiceSource(StrEnum):
    """The source of a choice. `set` and `learned` are preferences."""

    REQUEST = "request"
    PROMPT = "prompt"
    SET = "set"
    PROJECT = "project"
    LEARNED = "learned"
    MOOD = "mood"
    SCENE_TYPE = "scene_type"


@dataclass(frozen=True)
class MoodLook:
    """The look of a mood.

    `styles` and `cameras` are in order of preference. A camera is a type of scene, which frames and moves the camera.
    `words` go into the prompt. They name light, colour and air, but no place, time or weather: the user decides those.
    """

    styles: tuple[str, ...]
    cameras: tuple[SceneType, ...]
    words: str


MOOD_LOOKS: Mapping[str, MoodLook] = MappingProxyType(
    {
        "epic": MoodLook(("cinematic", "anime"), (E, A), "grand scale, rim light, saturated colours"),
        "calm": MoodLook(("artistic", "anime"), (D, M), "soft diffused light, pastel colours, quiet composition"),
        "sad": MoodLook(("cinematic", "artistic"), (M, D), "muted colours, low contrast, lowered gaze, empty space"),
        "happy": MoodLook(("anime", "artistic"), (D, A), "cheerful smile, vivid colours, airy light"),
        "energetic": MoodLook(("anime", "cinematic"), (A, E), "strong motion, bold colours, high contrast"),
        "tense": MoodLook(("cinematic", "realistic"), (A, M), "hard side light, tight framing, deep shadows"),
        "romantic": MoodLook(("anime", "artistic"), (M, D), "warm rim light, soft focus, blush"),
        "dark": MoodLook(("realistic", "cinematic"), (M, E), "low key light, desaturated colours, heavy shadows"),
        "dreamy": MoodLook(("artistic", "anime"), (M, E), "soft bloom, floating composition, pale colours"),
        "mysterious": MoodLook(("cinematic", "artistic"), (E, M), "backlight, half hidden face, teal shadows"),
    }
)
NEUTRAL_LOOK = MoodLook(("anime",), (D,), "")  # of a mood that only a user's preference names
DEFAULT_MOODS = {D: "calm", A: "energetic", M: "sad", E: "epic"}  # the mood of a scene without any other source


def get_look(mood: str) -> MoodLook:
    """The look of a mood. An unknown mood gets a neutral look and is itself a word of the prompt."""
    return MOOD_LOOKS.get(mood) or MoodLook(NEUTRAL_LOOK.styles, NEUTRAL_LOOK.cameras, f"{mood} mood")


def find_mood_in(prompt: str) -> tuple[Mood, str] | None:
    """The mood that most words of the prompt name, and the first of these words. The earlier mood wins a tie."""
    words_by_mood: dict[str, list[str]] = {}
    for word in [*re.findall(r"[a-z]+", prompt.lower()), *_japanese(prompt)]:
        mood = find_mood(word)
        if mood is not None:
            words_by_mood.setdefault(mood.name, []).append(word)
    if not words_by_mood:
        return None
    name = max(words_by_mood, key=lambda mood: len(words_by_mood[mood]))
    found = find_mood(name)
    return None if found is None else (found, words_by_mood[name][0])


def known_moods() -> str:
    """The names of all moods, separated by commas."""
    return ", ".join(MOOD_NAMES)


def _japanese(prompt: str) -> list[str]:
    """The Japanese mood names in a prompt. Japanese has no spaces, so each run of up to six characters is tried."""
    runs = re.findall(r"[\u3040-\u30ff\u3400-\u9fff]+", prompt)
    pieces = {run[i : i + n] for run in runs for i in range(len(run)) for n in range(1, 7) if i + n <= len(run)}
    return sorted(piece for piece in pieces if find_mood(piece) is not None)
