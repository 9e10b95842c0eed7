"""The rules that turn a user's words into a model's prompt."""

from __future__ import annotations

import pytest

from db.models.styles import StyleTemplate
from tower.engines.base import CastMember
from tower.jobs.spec import GenerationSpec, GenerationType, SceneType
from tower.shots.cast import Cast
from tower.shots.prompts import build_prompt

STYLE = StyleTemplate(name="anime", prompt="anime style, cel shading", negative_prompt="photo, blurry")
KAI = Cast(members=(CastMember("Kai Nakamura", "skilled fighter", {"hair": "black", "eyes": "augmented"}),))


def spec(**fields: object) -> GenerationSpec:
    return GenerationSpec.model_validate({"prompt": "standing in a mystical forest", **fields})


def test_the_users_words_come_first() -> None:
    assert build_prompt(spec(), Cast(), STYLE, seed=1).prompt.startswith("standing in a mystical forest, ")


def test_the_prompt_describes_the_characters() -> None:
    words = build_prompt(spec(), KAI, STYLE, seed=1).prompt
    for part in ("Kai Nakamura", "skilled fighter", "black hair", "augmented eyes", "cel shading"):
        assert part in words


@pytest.mark.parametrize("scene", list(SceneType))
def test_each_scene_type_adds_its_own_words(scene: SceneType) -> None:
    others = {
        build_prompt(spec(scene_type=other), Cast(), STYLE, seed=1).prompt for other in SceneType if other != scene
    }
    assert build_prompt(spec(scene_type=scene), Cast(), STYLE, seed=1).prompt not in others


def test_no_phrase_is_repeated() -> None:
    words = build_prompt(spec(prompt="Anime style, rain", negative_prompt="blurry"), Cast(), STYLE, seed=1)
    assert words.prompt.lower().count("anime style") == 1
    assert words.negative_prompt.lower().split(", ").count("blurry") == 1


def test_a_group_in_parentheses_is_one_phrase() -> None:
    words = build_prompt(
        spec(prompt="(blue eyes, long hair:1.2), (red scarf, long hair:1.2), rain, rain"), Cast(), STYLE, seed=1
    )
    assert words.prompt.startswith("(blue eyes, long hair:1.2), (red scarf, long hair:1.2), rain, anime style")


@pytest.mark.parametrize("prompt", ["rain :(, night, night", "rain :), night, night", r"saber \(fate, night, night"])
def test_a_parenthesis_without_a_partner_joins_no_phrases(prompt: str) -> None:
    assert build_prompt(spec(prompt=prompt), Cast(), STYLE, seed=1).prompt.lower().count("night") == 1


def test_the_users_negative_prompt_is_kept() -> None:
    assert build_prompt(spec(negative_prompt="hats"), Cast(), STYLE, seed=1).negative_prompt.startswith("hats, photo")


def test_creative_varies_more_and_depends_on_the_seed() -> None:
    free = spec(type=GenerationType.CREATIVE)
    assert build_prompt(free, Cast(), STYLE, seed=1) == build_prompt(free, Cast(), STYLE, seed=1)
    assert len({build_prompt(free, Cast(), STYLE, seed=seed).prompt for seed in range(8)}) > 1
    assert len(build_prompt(free, Cast(), STYLE, seed=1).prompt) > len(
        build_prompt(spec(), Cast(), STYLE, seed=1).prompt
    )


def test_the_mood_comes_between_the_characters_and_the_style() -> None:
    words = build_prompt(spec(), KAI, STYLE, seed=1, mood_words="soft bloom").prompt
    assert words.index("augmented eyes") < words.index("soft bloom") < words.index("cel shading")
