"""What a shot names and the engine does not draw, as sentences for the user and as a label on the picture."""

from __future__ import annotations

from tower.engines.base import Shot
from tower_animatic.letters import undrawable_scripts
from tower_animatic.mood import Setting
from tower_animatic.setting_parts import WORLDS, Drift, Mood, Weather

_LABEL_LETTERS = 42


def describe_limits(setting: Setting, shot: Shot) -> tuple[str, ...]:
    """A sentence for each thing that the picture lacks."""
    sentences = []
    if setting.mood is Mood.PLAIN:
        sentences.append("The prompt names no place that the animatic engine draws, so it drew a plain stage.")
    if setting.left_out and setting.mood not in WORLDS:
        others = ", ".join(setting.left_out)
        sentences.append(
            f"The prompt names several places: the animatic engine drew one ({setting.mood}), not {others}."
        )
    undrawn = name_undrawn(setting)
    if undrawn:
        sentences.append(f"The animatic engine does not draw {', '.join(undrawn)}.")
    scripts = undrawable_scripts(shot.caption)
    if scripts:
        sentences.append(f"The caption lacks characters that the animatic engine cannot draw: {', '.join(scripts)}.")
    return tuple(sentences)


def name_undrawn(setting: Setting) -> tuple[str, ...]:
    """What the prompt names and the picture lacks: actions, things, and weather where none falls."""
    weather = setting.weather
    is_hidden = setting.is_sheltered and weather is not Weather.CLEAR
    is_airless = setting.mood is Mood.UNDERWATER and setting.drift is Drift.GUSTS
    return (
        *setting.beings.undrawn,
        *([f"{weather} in this place"] if is_hidden else []),
        *(["wind in this place"] if is_airless else []),
    )


def label_picture(setting: Setting) -> str:
    """The label in the corner of the picture, after "ANIMATIC"; empty where the picture lacks nothing."""
    parts = ["plain stage"] if setting.mood is Mood.PLAIN else []
    undrawn = name_undrawn(setting)
    if undrawn:
        parts.append(f"without {', '.join(undrawn)}")
    label = " · ".join(parts)
    return label if len(label) <= _LABEL_LETTERS else label[: _LABEL_LETTERS - 1].rstrip(" ,") + "…"
