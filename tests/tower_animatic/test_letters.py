"""A caption is drawn correctly, or without the characters that cannot be."""

from __future__ import annotations

import pytest

from tower_animatic.letters import drawable_text, undrawable_scripts


@pytest.mark.parametrize(
    "text",
    ["The rain.", "émigré, Łódź, Tiếng Việt", "Привет Ελληνικά", "雨は止まない。「行こう」", "안녕 你好", "♪ “x” …"],
)
def test_text_of_the_font_stays(text: str) -> None:
    assert drawable_text(text) == text
    assert undrawable_scripts(text) == []


@pytest.mark.parametrize(
    ("text", "drawn", "scripts"),
    [
        ("hello 🙂", "hello", ["symbols and emoji"]),
        ("สวัสดี hello", "hello", ["Thai"]),
        ("مرحبا", "", ["Arabic"]),
        ("שלום you", "you", ["Hebrew"]),
        ("नमस्ते", "", ["Devanagari"]),
        ("👨‍👩‍👧 family ❤️", "family", ["symbols and emoji"]),
        ("e\u0301migre\u0301", "émigré", []),
    ],
)
def test_other_scripts_are_left_out_and_named(text: str, drawn: str, scripts: list[str]) -> None:
    assert (drawable_text(text), undrawable_scripts(text)) == (drawn, scripts)
