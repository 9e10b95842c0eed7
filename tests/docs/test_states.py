"""The page of states has a row for every state, a test for every row, and the figures of the code."""

from __future__ import annotations

import importlib
import re
from enum import StrEnum

import pytest

from db.models.echo import PlanState
from db.models.jobs import JobStatus
from db.models.library import ScanState
from db.models.publications import PublicationState
from db.models.rendering import SegmentState
from db.models.schedule import ScheduleState
from db.models.webhooks import DeliveryState
from db.models.workers import WorkerState
from tests.docs.rows import ROOT, list_test_names, read_rows

PAGE = ROOT / "docs" / "states.md"
TEXT = PAGE.read_text()
MODULES = ("tower.batches", "tower.jobs", "tower.rendering", "deployments")
ROWS = read_rows(PAGE, head="state")


@pytest.fixture(scope="module")
def tests() -> set[str]:
    return list_test_names()


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_every_row_has_a_test(row: list[str], tests: set[str]) -> None:
    names = set(row[4].split(", "))
    assert names <= tests, f"no such test: {names - tests}"


@pytest.mark.parametrize(
    "states",
    [
        *(JobStatus, SegmentState, PlanState, ScanState, ScheduleState, WorkerState),
        *(PublicationState, DeliveryState),
    ],
)
def test_every_state_has_a_row(states: type[StrEnum]) -> None:
    section = TEXT.split(f"{states.__name__})")[1].split("\n## ")[0]
    first_cells = " ".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| "))
    assert set(states) <= set(re.findall(r"\w+", first_cells))


@pytest.mark.parametrize(("name", "figure"), re.findall(r"`(\w+\.[A-Z_]+)` = (\d+)", TEXT))
def test_every_figure_is_that_of_the_code(name: str, figure: str) -> None:
    module, constant = name.split(".")
    found = next(package for package in MODULES if (ROOT / package.replace(".", "/") / f"{module}.py").exists())
    assert getattr(importlib.import_module(f"{found}.{module}"), constant) == int(figure)
