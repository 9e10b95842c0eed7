"""The engine says what a shot names and the picture lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tower_animatic.engine import AnimaticEngine
from tower_animatic.mood import read_setting
from tower_animatic.notes import describe_limits, label_picture

from .conftest import RecordingWatcher, a_shot

PLAIN = "The prompt names no place that the animatic engine draws, so it drew a plain stage."


def notes_of(prompt: str, caption: str = "") -> tuple[str, ...]:
    return describe_limits(read_setting(prompt, 1), a_shot(prompt=prompt, caption=caption))


@pytest.mark.parametrize(
    ("prompt", "notes"),
    [
        ("neon city", ()),
        ("underwater city", ()),
        ("a red coat", (PLAIN,)),
        ("lovers kissing in a city", ("The animatic engine does not draw kissing.",)),
        (
            "a forest by the sea",
            ("The prompt names several places: the animatic engine drew one (forest), not coast.",),
        ),
        ("rain in outer space", ("The animatic engine does not draw rain in this place.",)),
    ],
)
def test_a_sentence_names_each_thing_that_the_picture_lacks(prompt: str, notes: tuple[str, ...]) -> None:
    assert notes_of(prompt) == notes


def test_a_caption_that_is_shortened_is_named() -> None:
    assert notes_of("a city", caption="สวัสดี hello 🙂") == (
        "The caption lacks characters that the animatic engine cannot draw: Thai, symbols and emoji.",
    )


def test_the_label_says_it_in_the_picture() -> None:
    assert label_picture(read_setting("neon city", 1)) == ""
    assert label_picture(read_setting("lovers kissing", 1)) == "plain stage · without kissing"
    assert len(label_picture(read_setting("kissing dancing reading crying eating in a car with a horse", 1))) <= 42


def test_the_notes_are_returned_and_written_into_the_clip(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    shot = a_shot(prompt="a red coat", frames=2)
    assert AnimaticEngine().render(shot, prompt_id="p", target=target, watch=RecordingWatcher()) == (PLAIN,)
    with av.open(str(target)) as container:
        assert container.metadata["description"].endswith(PLAIN)


def test_a_picture_that_lacks_nothing_has_no_notes(tmp_path: Path, render: Callable[..., Path]) -> None:
    with av.open(str(render(frames=2))) as container:
        assert container.metadata["description"] == "A moving storyboard, not a final picture. seed: 7."
