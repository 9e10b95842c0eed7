"""Publishes figures as a table on the screen and in benchmarks/results/, with a description of the machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value. `baseline` is the comparison in the same run, `target` the required value."""

    name: str
    value: str
    baseline: str = ""
    target: str = ""
    met: bool | None = None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def format_spread(values: Sequence[float], unit: str = "s") -> str:
    """`median (smallest–largest, n)`"""
    return f"{statistics.median(values):.2f} {unit} ({min(values):.2f}–{max(values):.2f}, n={len(values)})"


def publish_figures(name: str, title: str, figures: Sequence[Figure]) -> None:
    """Print the table and write it to results/<name>.md."""
    table = Table("figure", "measured", "beside", "target", "", title=title)
    for figure in figures:
        table.add_row(figure.name, figure.value, figure.baseline, figure.target, _mark(figure))
    Console(width=140).print(table)
    RESULTS.mkdir(exist_ok=True)
    rows = [f"| {f.name} | {f.value} | {f.baseline} | {f.target} | {_mark(f)} |" for f in figures]
    head = ["| figure | measured | beside, in the same run | target | |", "|---|---|---|---|---|"]
    text = "\n".join([f"# {title}", "", describe_machine(), "", *head, *rows, ""])
    (RESULTS / f"{name}.md").write_text(text)


def describe_machine() -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    parts = (f"{os.cpu_count()} cores", platform.machine(), platform.system(), f"Python {platform.python_version()}")
    return f"{when}, {', '.join(parts)}."


def _mark(figure: Figure) -> str:
    return {True: "met", False: "**missed**", None: ""}[figure.met]


def peak_memory_mb() -> float:
    """The most memory that this process has held. `ru_maxrss` would count what its parent held before the exec."""
    [line] = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
