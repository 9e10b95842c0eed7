"""The reference pages match their sources and name every code and every variable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.make_reference import PAGES, ROOT
from docs.reference import settings
from docs.reference.raising import PACKAGES, find_raising
from tower.clients.comfyui.errors import ComfyUIFault
from tower.errors.codes import ErrorCode
from tower.settings import Settings

VARIABLE = re.compile(r"\bTOWER_[A-Z_]*[A-Z]\b")
SOURCES = [path for package in (*PACKAGES, "db") for path in (ROOT / package).rglob("*.py")]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_matches_its_sources(path: str) -> None:
    assert (ROOT / path).read_text() == PAGES[path](), f"{path} is older than its sources: run `make docs`"


def test_every_code_is_raised_and_has_an_instruction() -> None:
    raising = find_raising()
    assert [code for code in ErrorCode if not raising[code].packages] == []
    assert [code for code in ErrorCode if not (code.meaning and code.remedy)] == []
    assert [code for code in ErrorCode if code != code.name] == []
    assert {fault.value for fault in ComfyUIFault} <= set(ErrorCode)


def test_no_code_is_a_string_literal() -> None:
    """A code outside ErrorCode would be missing from the page."""
    pattern = re.compile(r'^    code(: str)? = "|\bcode="', re.MULTILINE)
    assert [path for path in SOURCES if pattern.search(path.read_text())] == []


def test_every_variable_in_the_source_is_on_the_page() -> None:
    documented = {settings.variable(name, field) for name, field in Settings.model_fields.items()}
    documented |= {*settings.INTERNAL, *settings.EXPORTED}
    assert {name for path in SOURCES for name in VARIABLE.findall(path.read_text())} - documented == set()


def test_every_setting_has_a_meaning_and_a_place_in_the_example() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    example = Path(ROOT / ".env.example").read_text()
    assert [name for name in Settings.model_fields if name.upper() not in example] == ["worker"]
