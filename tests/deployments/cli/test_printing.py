"""Tables and records, with foreign text in them."""

from __future__ import annotations

import pytest

from deployments.cli.printing import print_record, print_rows


def test_columns_are_aligned_by_the_width_of_each_character(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("name", "id"), [("夜", 1), ("[bold]b", 20)])
    assert capsys.readouterr().out.splitlines() == ["name     id", "夜       1", "[bold]b  20"]


def test_text_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("name",), [("a\x1b[31mred\nb",)])
    print_record({"name": "a\x1b[31mred\nb", "inner": {"x\x1b": ["y\r"]}})
    assert {character for character in capsys.readouterr().out if not character.isprintable()} == {"\n"}


def test_a_record_shows_what_is_known_without_python_literals(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(
        {
            "job_id": 35,
            "reason": None,
            "good": True,
            "parameters": {"fps": 24.0, "size": [512, 512]},
            "rounds": [{"round": 1, "passed": False}],
        }
    )
    assert capsys.readouterr().out.splitlines() == [
        "job id      35",
        "good        yes",
        "parameters",
        "  fps   24",
        "  size  512, 512",
        "rounds",
        "  - round 1, passed no",
    ]
