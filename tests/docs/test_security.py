"""Every socket in docs/security.md names tests that exist."""

from __future__ import annotations

import pytest

from tests.docs.rows import ROOT, list_test_names, read_rows

ROWS = [row for row in read_rows(ROOT / "docs" / "security.md", head="socket") if len(row) == 4]


@pytest.fixture(scope="module")
def tests() -> set[str]:
    return list_test_names()


def test_every_kind_of_socket_has_a_row() -> None:
    kinds = {row[0].partition(":")[0] for row in ROWS}
    assert kinds >= {
        "production API",
        "music API",
        "Prefect",
        "PostgreSQL",
        "warm start",
        "analysis of music",
        "metrics",
    }


@pytest.mark.parametrize("row", ROWS, ids=[row[0].partition(":")[0] for row in ROWS])
def test_every_socket_is_held_by_a_test(row: list[str], tests: set[str]) -> None:
    names = set(row[3].split(", "))
    assert names <= tests, f"no such test: {names - tests}"
