"""Refuses what is planned in vain: it names what does not exist, or it fits in no opening of the window."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.schedule import ProductionSchedule
from tower.batches.entries import open_entry
from tower.batches.starts import PlannedStarts
from tower.errors import InvalidError, TowerError
from tower.jobs.analytics import DurationEstimator
from tower.jobs.lifecycle import parse_spec
from tower.presets.styles import find_style
from tower.rendering.studio import Studio
from tower.rendering.workers import count_pool_slots
from tower.workflows import store


def check_plan(session: Session, row: ProductionSchedule, studio: Studio) -> None:
    """Raise InvalidError for a plan that cannot be kept, and NotFoundError for a workflow that does not exist.

    A plan that starts in no opening before it is due, or whose renders take longer than the opening, is not kept.
    """
    if style := row.parameters.get("style"):
        find_style(session, style, project_id=row.project_id)
    if workflow := row.parameters.get("workflow"):
        store.get_workflow(session, workflow)
    starts = PlannedStarts.read(session)
    window = starts.window
    if window.is_always_open:
        return
    start = starts.find_start(row)
    opens = f"{start.astimezone(window.zone_info).isoformat()}, when the production window is open"
    if row.due_at is not None and row.due_at <= start:
        raise InvalidError.field("due_at", row.due_at.isoformat(), f"a time after {opens}")
    opening = window.find_opening(start)
    estimate = estimate_renders(session, row, studio)
    if opening is None or estimate is None:
        return
    if estimate > opening.length:
        raise InvalidError(
            f"Its renders take about {_hours(estimate)}, longer than the production window of {_hours(opening.length)}:"
            " plan its scenes in several nights",
            details={"estimate_s": estimate.total_seconds(), "window_s": opening.length.total_seconds()},
        )
    if row.due_at is not None and start + estimate > row.due_at:
        raise InvalidError.field(
            "due_at", row.due_at.isoformat(), f"a time at least {_hours(estimate)} after {opens}: so long it takes"
        )


def estimate_renders(session: Session, row: ProductionSchedule, studio: Studio) -> timedelta | None:
    """The time of the renders that the entry would open now, on all slots; None where nothing like it was measured."""
    savepoint = session.begin_nested()
    try:
        renders = open_entry(session, row, studio).renders
        estimator = DurationEstimator(session)
        seconds = [
            estimator.estimate_s(parse_spec(job), job_type=job.job_type)
            for job in renders
            if job.job_type != JobType.FILM
        ]
    except TowerError:  # its run says so when it is due: by then it may be well
        return None
    finally:
        savepoint.rollback()
    known = [one for one in seconds if one is not None]
    if not known or len(known) < len(seconds):
        return None
    return timedelta(seconds=sum(known) / (count_pool_slots(session) or 1))


def _hours(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
