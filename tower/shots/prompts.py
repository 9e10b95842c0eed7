"""Turns what the user wrote into what a model understands. By rules: no language model is asked here."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import TypeAdapter

from db.models.styles import StyleTemplate
from tower.engines.base import CastMember
from tower.jobs.spec import GenerationSpec, GenerationType, SceneType
from tower.jobs.steps import Step
from tower.shots.cast import Cast

SCENE_WORDS = {
    SceneType.DIALOGUE: "medium shot, eye level, expressive face, soft key light",
    SceneType.ACTION: "dynamic angle, motion, wide stance, dramatic perspective",
    SceneType.EMOTIONAL: "close-up, shallow depth of field, warm rim light, quiet mood",
    SceneType.EPIC: "wide establishing shot, vast scale, volumetric light, towering clouds",
}
FREER_WORDS = (  # what a creative generation draws one of each from
    ("golden hour", "blue hour", "overcast light", "moonlight", "hard noon sun", "neon glow"),
    ("low angle", "high angle", "dutch angle", "over the shoulder", "bird's-eye view"),
    ("drifting petals", "light rain", "floating dust", "thin mist", "wind in the cloth", "distant birds"),
)
NEVER_WANTED = "lowres, blurry, bad anatomy, bad hands, extra digits, watermark, text, jpeg artifacts"


@dataclass(frozen=True)
class EnhancedPrompt:
    """What is sent to the model, and what made it."""

    prompt: str
    negative_prompt: str
    enhancer: str


PROMPT = Step("prompt", TypeAdapter(EnhancedPrompt))


def enhance(
    spec: GenerationSpec, cast: Cast, style: StyleTemplate, *, seed: int, mood_words: str = ""
) -> EnhancedPrompt:
    """The user's words first, then who is seen, the mood, the style, the scene; no part twice.

    Equal inputs give equal words.
    """
    freer = _freer_words(seed) if spec.type == GenerationType.CREATIVE else ()
    wanted = [spec.prompt, *map(_seen, cast.members), mood_words, style.prompt, SCENE_WORDS[spec.scene_type], *freer]
    unwanted = [spec.negative_prompt, style.negative_prompt, NEVER_WANTED]
    return EnhancedPrompt(
        prompt=_joined(wanted),
        negative_prompt=_joined(unwanted),
        enhancer="rules, freer" if freer else "rules",
    )


def _seen(member: CastMember) -> str:
    traits = ", ".join(f"{value} {trait}" for trait, value in sorted(member.traits.items()))
    return ", ".join(filter(None, (member.name, member.description, traits)))


def _freer_words(seed: int) -> tuple[str, ...]:
    draw = random.Random(seed)
    return tuple(draw.choice(words) for words in FREER_WORDS)


def _joined(parts: Iterable[str | None]) -> str:
    """The phrases of all parts, each once, in order."""
    phrases = (phrase.strip(" .") for part in parts if part for phrase in part.split(","))
    once: dict[str, str] = {}
    for phrase in filter(None, phrases):
        once.setdefault(phrase.lower(), phrase)
    return ", ".join(once.values())
