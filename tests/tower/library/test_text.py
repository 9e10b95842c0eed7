"""Normalisation of texts, and search for a part of a text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tower.library.text import like_pattern, normalise, searchable_text


@pytest.mark.parametrize(
    ("first", "second"),
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
def test_spellings_of_the_same_word_are_equal(first: str, second: str) -> None:
    assert normalise(first) == normalise(second)


@pytest.mark.parametrize(("first", "second"), [("か", "が"), ("は", "ば"), ("ば", "ぱ"), ("夜", "昼"), ("a", "b")])
def test_different_words_stay_different(first: str, second: str) -> None:
    assert normalise(first) != normalise(second)


def test_the_result_is_ascii_and_other_signs_are_kept() -> None:
    assert normalise("夜に駆ける YOASOBI ночь").isascii()
    assert normalise("!!!") == "!!!"
    assert like_pattern("50%_\\") == "%50%"
    assert like_pattern("%") == "%\\%%"


@given(st.text(alphabet="夜駆桜さくらカがー한글ночьab12", min_size=1, max_size=12), st.data())
def test_any_part_of_a_japanese_title_is_found(title: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(title) - 1))
    part = title[first : data.draw(st.integers(first + 1, len(title)))]
    if not (part.isascii() and len(part) < 3):
        assert like(like_pattern(part), searchable_text(title))


@given(*(st.text(alphabet="夜駆桜さくらカ", min_size=1, max_size=longest) for longest in (8, 3)))
def test_a_text_without_the_query_does_not_match(title: str, part: str) -> None:
    unified = {ord("カ"): "か"}
    assert like(like_pattern(part), searchable_text(title)) == (part.translate(unified) in title.translate(unified))


def like(query: str, text: str) -> bool:
    expression = "".join(".*" if character == "%" else re.escape(character) for character in query)
    return re.fullmatch(expression, text) is not None
