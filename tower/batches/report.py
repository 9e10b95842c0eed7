"""What a report of a batch holds: the outcome of each entry and scene, and the seconds that GPUs spent and saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter


class Outcome(StrEnum):
    RUNNING = "running"
    DONE = "done"
    REUSED = "reused"
    POSTPONED = "postponed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class SceneReport:
    """A scene of an entry. `gpu_s`: seconds of its renders; `saved_s`: those that its reused takes once took.

    `saved_s` is None with `saved_reason` if they were not measured.
    """

    scene_id: int
    scene_number: int
    outcome: Outcome
    job_id: int | None
    reason: str | None
    gpu_s: float
    saved_s: float | None
    saved_reason: str | None


@dataclass(frozen=True)
class EntryReport:
    """An entry of the schedule. `film_job_id`: the job of its film; None if it has none."""

    schedule_id: int
    project_id: int
    title: str
    outcome: Outcome
    reason: str | None
    film_job_id: int | None
    scenes: tuple[SceneReport, ...]


@dataclass(frozen=True)
class BatchReport:
    """`saved_s` is the sum of what is known; `saved_reason` says how many reused scenes it leaves out."""

    entries: tuple[EntryReport, ...]
    counts: dict[Outcome, int]
    gpu_s: float
    saved_s: float | None
    saved_reason: str | None


_REPORT = TypeAdapter(BatchReport)


def report_to_json(report: BatchReport) -> dict[str, Any]:
    json: dict[str, Any] = _REPORT.dump_python(report, mode="json")
    return json


def parse_report(json: dict[str, Any]) -> BatchReport:
    return _REPORT.validate_python(json)


def count_outcomes(scenes: Iterable[SceneReport]) -> dict[Outcome, int]:
    """How many scenes have each outcome that occurs."""
    found = [scene.outcome for scene in scenes]
    return {outcome: found.count(outcome) for outcome in Outcome if outcome in found}
