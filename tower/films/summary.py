"""Renders the summary of a film's job as Markdown, for its run in Prefect."""

from __future__ import annotations

from pathlib import Path

from db.models.jobs import ProductionJob
from tower.assembly.cut import Shot
from tower.films.making import PlannedFilm
from tower.review.markdown import escape_markdown


def render_film_summary(job: ProductionJob, planned: PlannedFilm, film: Path, *, is_new: bool) -> str:
    """Return a page with the film, its shots and its warnings."""
    cut = planned.cut
    shots = [item for item in cut.items if isinstance(item, Shot)]
    quality = "no take has a score" if planned.score is None else f"{planned.score:.1f} of 10"
    lines = [
        f"# {escape_markdown(job.prompt)}: {job.status}",
        f"**Film:** {escape_markdown(film)}" + ("" if is_new else " (unchanged: nothing was done)"),
        f"**Length:** {cut.duration_s:.2f} s, {cut.frames} frames · **shots:** {len(shots)} · **quality:** {quality}",
        *(f"⚠ {escape_markdown(warning)}" for warning in job.warnings),
        "## Shots",
        "\n".join(["| start | frames | scene |", "|---|---|---|", *_rows(planned)]),
    ]
    return "\n\n".join(lines)


def _rows(planned: PlannedFilm) -> list[str]:
    cut = planned.cut
    return [
        f"| {float(start / cut.form.fps):.2f} s | {item.frames} | {escape_markdown(item.title)} |"
        for item, start in zip(cut.items, cut.starts, strict=True)
        if isinstance(item, Shot)
    ]
