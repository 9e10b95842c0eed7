"""How texts are made alike, and that a part of one is found where it is and nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tower.library.text import like_pattern, normalise, searchable_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Björk", "BJORK"),
        ("サクラ", "さくら"),
        ("ｻｸﾗ", "さくら"),
        ("ＡＢＣ　１２", "abc 12"),
        ("Beyonce\u0301", "Beyoncé"),
        ("straße", "STRASSE"),
        ("a-b_c", "a b c"),
    ],
)
def test_forms_of_the_same_word_are_one(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("か", "が"), ("は", "ば"), ("ば", "ぱ"), ("夜", "昼"), ("a", "b")])
def test_other_words_stay_others(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_all_is_ascii_and_what_has_no_letter_is_kept() -> None:
    assert normalise("夜に駆ける YOASOBI ночь").isascii()
    assert normalise("!!!") == "!!!"
    assert like_pattern("50%_\\") == "%50%"
    assert like_pattern("%") == "%\\%%"


@given(st.text(alphabet="夜駆桜さくらカがー한글ночьab12", min_size=1, max_size=12), st.data())
def test_any_run_of_japanese_is_found_in_its_title(title: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(title) - 1))
    part = title[first : data.draw(st.integers(first + 1, len(title)))]
    if not (part.isascii() and len(part) < 3):
        assert like(like_pattern(part), searchable_text(title))


@given(*(st.text(alphabet="夜駆桜さくらカ", min_size=1, max_size=longest) for longest in (8, 3)))
def test_nothing_is_found_that_is_not_there(title: str, part: str) -> None:
    unified = {ord("カ"): "か"}
    assert like(like_pattern(part), searchable_text(title)) == (part.translate(unified) in title.translate(unified))


def like(asked: str, text: str) -> bool:
    expression = "".join(".*" if character == "%" else re.escape(character) for character in asked)
    return re.fullmatch(expression, text) is not None
