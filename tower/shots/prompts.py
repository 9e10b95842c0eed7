"""Builds the prompt for the model from the user's text, by fixed rules and without a language model."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter

from db.models.styles import StyleTemplate
from tower.engines.base import CastMember
from tower.jobs.spec import GenerationSpec, GenerationType, SceneType
from tower.jobs.steps import StepResult
from tower.shots.cast import Cast

SCENE_WORDS = {
    SceneType.DIALOGUE: "medium shot, eye level, expressive face, soft key light",
    SceneType.ACTION: "dynamic angle, motion, wide stance, dramatic perspective",
    SceneType.EMOTIONAL: "close-up, shallow depth of field, warm rim light, quiet mood",
    SceneType.EPIC: "wide establishing shot, vast scale, volumetric light, towering clouds",
}
CREATIVE_WORDS = (  # a creative generation draws one phrase from each row
    ("golden hour", "blue hour", "overcast light", "moonlight", "hard noon sun", "neon glow"),
    ("low angle", "high angle", "dutch angle", "over the shoulder", "bird's-eye view"),
    ("drifting petals", "light rain", "floating dust", "thin mist", "wind in the cloth", "distant birds"),
)
BASE_NEGATIVE_PROMPT = "lowres, blurry, bad anatomy, bad hands, extra digits, watermark, text, jpeg artifacts"
_PHRASE_MARKS = re.compile(r"\\[()]|[(),]")


@dataclass(frozen=True)
class EnhancedPrompt:
    """The prompts for the model, and the name of the rules that made them."""

    prompt: str
    negative_prompt: str
    enhancer: str


PROMPT_STEP = StepResult("prompt", TypeAdapter(EnhancedPrompt))


def build_prompt(
    spec: GenerationSpec, cast: Cast, style: StyleTemplate, *, seed: int, mood_words: str = ""
) -> EnhancedPrompt:
    """Build the prompts: the user's text, then the cast, the mood, the style and the scene, without repeated phrases.

    Equal inputs give equal prompts.
    """
    creative_words = _draw_creative_words(seed) if spec.type == GenerationType.CREATIVE else ()
    positive = [
        spec.prompt,
        *map(_describe, cast.members),
        mood_words,
        style.prompt,
        SCENE_WORDS[spec.scene_type],
        *creative_words,
    ]
    negative = [spec.negative_prompt, style.negative_prompt, BASE_NEGATIVE_PROMPT]
    return EnhancedPrompt(
        prompt=join_phrases(positive),
        negative_prompt=join_phrases(negative),
        enhancer="rules, freer" if creative_words else "rules",
    )


def join_phrases(parts: Iterable[str | None]) -> str:
    """Join the comma-separated phrases of all parts, each once, in order. Parentheses are kept whole."""
    phrases = (phrase.strip(" .") for part in parts if part for phrase in _split_phrases(part))
    unique: dict[str, str] = {}
    for phrase in filter(None, phrases):
        unique.setdefault(phrase.lower(), phrase)
    return ", ".join(unique.values())


def _split_phrases(text: str) -> Iterator[str]:
    """Split at the commas outside parentheses: (blue eyes, long hair:1.2) is one phrase."""
    depth = start = 0
    for mark in _PHRASE_MARKS.finditer(text):
        if mark[0] == "," and depth == 0:
            yield text[start : mark.start()]
            start = mark.end()
        elif mark[0] == "(":
            depth += 1
        elif mark[0] == ")":
            depth = max(0, depth - 1)
    yield from text[start:].split(",") if depth else [text[start:]]


def _describe(member: CastMember) -> str:
    traits = ", ".join(f"{value} {trait}" for trait, value in sorted(member.traits.items()))
    return ", ".join(filter(None, (member.name, member.description, traits)))


def _draw_creative_words(seed: int) -> tuple[str, ...]:
    generator = random.Random(seed)
    return tuple(generator.choice(words) for words in CREATIVE_WORDS)
