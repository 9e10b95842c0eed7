"""The table of the kills: a row a process, a column a moment."""

from __future__ import annotations

import os
import platform
import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.torture.case import Result
from tests.torture.judgement import Outcome
from tests.torture.moments import MOMENTS
from tests.torture.victims import VICTIMS, list_moments


def write_table(results: Sequence[Result], hosts: Sequence[Result | str], *, took_s: float) -> str:
    """The page in Markdown: sums, the table, the cases of several hosts, and each fault."""
    kills = [*_list_sums(results, took_s), "", *_draw_table(results)]
    return "\n".join([*kills, "", *_list_hosts(hosts), "", *_list_faults([*results, *_results_in(hosts)])])


def _list_sums(results: Sequence[Result], took_s: float) -> list[str]:
    counts = Counter(result.outcome for result in results)
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    seconds = sorted(result.recovery_s for result in results if result.outcome is Outcome.COMPLETED)
    times = f"median {statistics.median(seconds):.1f} s, longest {seconds[-1]:.1f} s" if seconds else "none"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return [
        f"{when}, {machine}, {took_s / 60:.0f} minutes: {len(results)} jobs met a kill: {said}.",
        f"From the kill to the end of a completed job: {times}.",
    ]


def _draw_table(results: Sequence[Result]) -> list[str]:
    rows = [["killed", *MOMENTS], ["---"] * (len(MOMENTS) + 1)]
    rows += [[victim, *(_draw_cell(results, victim, moment) for moment in MOMENTS)] for victim in VICTIMS]
    return ["| " + " | ".join(row) + " |" for row in rows]


def _draw_cell(results: Sequence[Result], victim: str, moment: str) -> str:
    here = [result for result in results if (result.victim, result.moment) == (victim, moment)]
    good = sum(result.outcome is Outcome.COMPLETED for result in here)
    if here:
        return f"{good}/{len(here)}"
    return "0" if moment in list_moments(victim) else "–"


def _list_hosts(hosts: Sequence[Result | str]) -> list[str]:
    rows = [f"| {found.moment} | {found.outcome} | {found.recovery_s:.0f} |" for found in _results_in(hosts)]
    untried = [f"- {found}" for found in hosts if isinstance(found, str)]
    return ["| render host | job | seconds of the case |", "|---|---|---|", *rows, "", *untried]


def _results_in(hosts: Sequence[Result | str]) -> list[Result]:
    return [found for found in hosts if isinstance(found, Result)]


def _list_faults(results: Sequence[Result]) -> list[str]:
    bad = [result for result in results if result.outcome is not Outcome.COMPLETED]
    return [f"- {result.victim} at {result.moment}: {result.outcome}: {result.reason}" for result in bad] + [""]
