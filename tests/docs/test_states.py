"""The page of states has a row for every state, a test for every row, and the figures of the code."""

from __future__ import annotations

import ast
import importlib
import re
from enum import StrEnum
from pathlib import Path

import pytest

from db.models.echo import PlanState
from db.models.jobs import JobStatus
from db.models.library import ScanState
from db.models.rendering import SegmentState
from db.models.workers import WorkerState

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "states.md").read_text()
MODULES = ("tower.jobs", "deployments")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| state ")
]


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The names of all test functions."""
    trees = (ast.parse(path.read_bytes()) for path in (ROOT / "tests").rglob("test_*.py"))
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_every_row_has_a_test(row: list[str], tests: set[str]) -> None:
    names = set(row[4].split(", "))
    assert names <= tests, f"no such test: {names - tests}"


@pytest.mark.parametrize("states", [JobStatus, SegmentState, PlanState, ScanState, WorkerState])
def test_every_state_has_a_row(states: type[StrEnum]) -> None:
    section = TEXT.split(f"{states.__name__})")[1].split("\n## ")[0]
    first_cells = " ".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| "))
    assert set(states) <= set(re.findall(r"\w+", first_cells))


@pytest.mark.parametrize(("name", "figure"), re.findall(r"`(\w+\.[A-Z_]+)` = (\d+)", TEXT))
def test_every_figure_is_that_of_the_code(name: str, figure: str) -> None:
    module, constant = name.split(".")
    found = next(package for package in MODULES if (ROOT / package.replace(".", "/") / f"{module}.py").exists())
    assert getattr(importlib.import_module(f"{found}.{module}"), constant) == int(figure)
