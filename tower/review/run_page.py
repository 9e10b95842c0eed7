"""Render the summary of a job as Markdown."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import GenerationAnalytics, ProductionJob
from tower.moods.chosen import MOOD_CHOICES
from tower.quality.rounds import completed_rounds, kept_round_number
from tower.review.markdown import escape_markdown
from tower.shots.prompts import PROMPT_STEP, EnhancedPrompt

_WHAT_IS_JUDGED = (
    "10 is a clip without technical faults. A professional generation also counts the likeness to its reference image. "
    "Neither beauty nor whether the clip shows what the prompt says is judged."
)


def render_summary(session: Session, job_id: int, *, video_url: str) -> str:
    """Return a page with the prompt, file, quality table and durations of a job."""
    job = session.get_one(ProductionJob, job_id)
    prompts = PROMPT_STEP.read(job) or EnhancedPrompt(prompt="", negative_prompt="", enhancer="")
    lines = [
        f"# Generation {job.id}: {job.status}",
        f"> {escape_markdown(job.prompt)}",
        f"**Video:** [{escape_markdown(job.output_path)}]({video_url})",
        f"**Engine:** {escape_markdown(job.engine or 'unknown')} · **seed:** {job.seed} · **attempt:** {job.attempt}",
        f"**Prompt:** {escape_markdown(prompts.prompt)}",
        f"**Negative:** {escape_markdown(prompts.negative_prompt)}",
        *_mood(job),
        *(f"⚠ {escape_markdown(warning)}" for warning in job.warnings),
        *_rounds(job),
        *_quality(job),
        *_seconds(session, job_id),
    ]
    return "\n\n".join(lines)


def _rounds(job: ProductionJob) -> list[str]:
    rounds, kept = completed_rounds(job), kept_round_number(job)
    if not rounds:
        return []
    rows = [
        f"| {entry.number}{' (kept)' * (entry.number == kept)} | {entry.score:.1f} | "
        f"{escape_markdown(entry.reason or 'passed')} | {escape_markdown(entry.changed or '')} |"
        for entry in rounds
    ]
    return ["## Rounds", "\n".join(["| round | score | verdict | changed |", "|---|---|---|---|", *rows])]


def _mood(job: ProductionJob) -> list[str]:
    """Return the choices of the mood, with their reasons."""
    choice = MOOD_CHOICES.read(job)
    if choice is None:
        return []
    parts = {"mood": choice.mood, "style": choice.style, "camera": choice.camera}
    chosen = (f"{name} {escape_markdown(part.value)} ({escape_markdown(part.why)})" for name, part in parts.items())
    track = choice.track.title if choice.track else choice.track_reason
    return [f"**Mood:** {' · '.join(chosen)} · track: {escape_markdown(track)}"]


def _quality(job: ProductionJob) -> list[str]:
    if job.metrics is None:
        return []
    rows = [_metric_row(metric) for metric in job.metrics.metrics]
    verdict = "passed" if job.metrics.passed else "rejected"
    table = ["| metric | value | unit | threshold | |", "|---|---|---|---|---|", *rows]
    return [f"## Quality: {job.metrics.score:.1f} of 10, {verdict}", _WHAT_IS_JUDGED, "\n".join(table)]


def _metric_row(metric: dict[str, Any]) -> str:
    mark = {True: "ok", False: "**failed**"}.get(metric["passed"], "not measured")
    name, unit = escape_markdown(metric["name"]), escape_markdown(metric["unit"] or "")
    return f"| {name} | {metric['value']} | {unit} | {metric['threshold']} | {mark} |"


def _seconds(session: Session, job_id: int) -> list[str]:
    measured = session.scalars(
        select(GenerationAnalytics).where(GenerationAnalytics.job_id == job_id).order_by(GenerationAnalytics.id)
    )
    rows = [f"| {row.stage} | {row.attempt} | {row.seconds:.2f} |" for row in measured]
    return ["## Seconds", "\n".join(["| stage | attempt | s |", "|---|---|---|", *rows])]
