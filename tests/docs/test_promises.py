"""Every promise of docs/promises.md names tests that exist."""

from __future__ import annotations

import pytest

from tests.docs.rows import ROOT, list_test_names, read_rows

ROWS = read_rows(ROOT / "docs" / "promises.md", head="promise")


@pytest.fixture(scope="module")
def tests() -> set[str]:
    return list_test_names()


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_promise_is_held_by_a_test(row: list[str], tests: set[str]) -> None:
    names = set(row[1].split(", "))
    assert names <= tests, f"no such test: {names - tests}"
