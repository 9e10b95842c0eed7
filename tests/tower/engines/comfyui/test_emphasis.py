"""Parentheses in prompts: what ComfyUI would weigh, and what is text.

The expected behaviour of ComfyUI was read in its source, comfy/sd1_clip.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tower.engines.comfyui.test_filling import SHOT
from tower.engines.base import CastMember
from tower.engines.comfyui.emphasis import escape_text, with_plain_parentheses


@pytest.mark.parametrize(
    "prompt",
    [
        "a shrine, (red sky:1.2)",
        "(blue eyes, long hair:0.8), ((masterpiece))",
        "(soft light), (hats:-1)",
        r"saber \(fate\), rain",
        "(her (silver hair:1.3) in the wind:1.1)",
        "",
    ],
)
def test_emphasis_stays(prompt: str) -> None:
    assert escape_text(prompt) == prompt


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("a clock (Monday 12:45), night", r"a clock \(Monday 12:45\), night"),
        ("a note (at 10:00)", r"a note \(at 10:00\)"),
        ("a poster (founded:1999)", r"a poster \(founded:1999\)"),
        ("a label (mass:1e9), (rain:1.2)", r"a label \(mass:1e9\), (rain:1.2)"),
        ("a sign (value:nan)", r"a sign \(value:nan\)"),
    ],
)
def test_times_and_numbers_in_parentheses_are_no_weights(prompt: str, sent: str) -> None:
    assert escape_text(prompt) == sent


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("she waves :), (smile:1.3)", r"she waves :\), (smile:1.3)"),
        ("sad face :(, (rain:1.2)", r"sad face :\(, (rain:1.2)"),
        ("((night:1.2)", r"\((night:1.2)"),
    ],
)
def test_a_parenthesis_without_a_partner_leaves_the_emphasis_of_others(prompt: str, sent: str) -> None:
    assert escape_text(prompt) == sent


def test_the_name_of_a_character_is_text_also_within_emphasis() -> None:
    sent = escape_text("(Rin (Student):1.2) and rin (student) walk, (rain:1.1)", ["Rin (Student)", "Kai"])
    assert sent == r"(Rin \(Student\):1.2) and rin \(student\) walk, (rain:1.1)"


def test_a_changed_prompt_is_said() -> None:
    shot = replace(SHOT, prompt="Rin (Student) at (9:30)", cast=(CastMember("Rin (Student)", "", {}),))
    plain, remarks = with_plain_parentheses(shot)
    assert plain.prompt == r"Rin \(Student\) at \(9:30\)"
    assert plain.negative_prompt == shot.negative_prompt
    assert len(remarks) == 1
    assert plain.prompt in remarks[0]


def test_an_unchanged_prompt_needs_no_remark() -> None:
    assert with_plain_parentheses(SHOT) == (SHOT, ())
