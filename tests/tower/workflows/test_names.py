"""A name that cannot be one is answered with a similar one that can."""

from __future__ import annotations

import re

import pytest

from tower.workflows.names import NAME_PATTERN, check_name, suggest_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("my shot v2", "my_shot_v2"), ("雨", "Yu"), ("..a", "a"), ("日本 1.0", "Ri_Ben_1.0")),
        *(("!?", "my_workflow"), ("", "my_workflow")),
    ],
)
def test_a_similar_name_is_suggested(text: str, name: str) -> None:
    assert suggest_name(text) == name
    with pytest.raises(ValueError, match=f"such as {re.escape(name)}$"):
        check_name(text)


@pytest.mark.parametrize("text", ["a" * 500, "é" * 300, "-" * 200, "😀 b", "../etc", "a/b", "\u202ea"])
def test_every_suggestion_is_a_name(text: str) -> None:
    assert re.fullmatch(NAME_PATTERN, suggest_name(text))


def test_a_name_is_left_as_it_is() -> None:
    assert check_name("my_shot-1.0") == "my_shot-1.0"
    assert check_name(7) == 7
