"""Renders the report of a batch as Markdown, for Prefect."""

from __future__ import annotations

from collections.abc import Iterator

from db.models.batches import Batch
from tower.batches.report import BatchReport, EntryReport, SceneReport, count_outcomes
from tower.review.markdown import escape_markdown


def render_report(batch: Batch, report: BatchReport) -> str:
    """A page with the sums, a table of the entries, and each scene that failed."""
    state = "running" if batch.ended_at is None else f"ended {batch.ended_at:%Y-%m-%d %H:%M} UTC"
    counts = ", ".join(f"{number} {outcome}" for outcome, number in report.counts.items() if number)
    lines = [
        f"# Batch {batch.id}: {state}",
        f"**Entries:** {counts or 'none'}",
        f"**GPU time:** {format_s(report.gpu_s)} spent, {format_s(report.saved_s)} saved by reuse"
        + (f" ({report.saved_reason})" if report.saved_reason else ""),
        "\n".join(["| entry | | scenes | reason |", "|---|---|---|---|", *map(_row, report.entries)]),
        *_failures(report),
    ]
    return "\n\n".join(lines)


def format_s(seconds: float | None) -> str:
    """For example `1 h 5 min`, `3 min`, `12.5 s`."""
    if seconds is None:
        return "unknown"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _row(entry: EntryReport) -> str:
    scenes = ", ".join(f"{number} {outcome}" for outcome, number in count_outcomes(entry.scenes).items())
    return f"| {escape_markdown(entry.title)} | {entry.outcome} | {scenes} | {escape_markdown(entry.reason or '')} |"


def _failures(report: BatchReport) -> Iterator[str]:
    for entry in report.entries:
        for scene in entry.scenes:
            if scene.reason is not None:
                yield f"{escape_markdown(entry.title)}, {_scene(scene)}: {escape_markdown(scene.reason)}"


def _scene(scene: SceneReport) -> str:
    return f"scene {scene.scene_number}"
