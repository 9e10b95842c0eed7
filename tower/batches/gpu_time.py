"""The measured seconds of renders, from the rows of the render queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.rendering import Asset, RenderSegment, SegmentState


@dataclass(frozen=True)
class RenderTimes:
    """Seconds of renders.

    `spent_s`: of each job, with failed attempts. `saved_s`: what the takes that a job reused once took; None if that
    was not measured. `only_reused`: jobs that rendered nothing. `take_s`: what each asset took, without those that were
    not measured.
    """

    spent_s: dict[int, float] = field(default_factory=dict)
    saved_s: dict[int, float | None] = field(default_factory=dict)
    only_reused: set[int] = field(default_factory=set)
    take_s: dict[int, float] = field(default_factory=dict)


def read_render_times(session: Session, job_ids: Iterable[int], asset_ids: Iterable[int]) -> RenderTimes:
    times = RenderTimes()
    for job_id in job_ids:
        rows = _list_segments(session, job_id)
        times.spent_s[job_id] = round(sum(map(_render_s, rows)), 3)
        reused = [row for row in rows if row.state == SegmentState.COMPLETED and row.started_at is None]
        times.saved_s[job_id] = _add_known([_first_render_s(session, row.fingerprint) for row in reused])
        if reused and not times.spent_s[job_id]:
            times.only_reused.add(job_id)
    for asset_id in asset_ids:
        if (seconds := _take_s(session, asset_id)) is not None:
            times.take_s[asset_id] = seconds
    return times


def _take_s(session: Session, asset_id: int) -> float | None:
    """The seconds in which the job of this take rendered it, or once rendered what it reused."""
    job_id = session.scalar(select(Asset.job_id).where(Asset.id == asset_id))
    if job_id is None:
        return None
    rows = [row for row in _list_segments(session, job_id) if row.state == SegmentState.COMPLETED]
    if not rows:
        return None
    own = [_render_s(row) if row.started_at else _first_render_s(session, row.fingerprint) for row in rows]
    return _add_known(own)


def _list_segments(session: Session, job_id: int) -> Sequence[RenderSegment]:
    return session.scalars(select(RenderSegment).where(RenderSegment.job_id == job_id)).all()


def _render_s(row: RenderSegment) -> float:
    if row.started_at is None or row.ended_at is None:
        return 0.0
    return max(0.0, (row.ended_at - row.started_at).total_seconds())


def _first_render_s(session: Session, fingerprint: str) -> float | None:
    """The seconds of the render of an equal shot; None if there is none."""
    rendered = select(RenderSegment).where(
        RenderSegment.fingerprint == fingerprint,
        RenderSegment.state == SegmentState.COMPLETED,
        RenderSegment.started_at.is_not(None),
    )
    row = session.scalar(rendered.order_by(RenderSegment.id.desc()).limit(1))
    return None if row is None else _render_s(row)


def _add_known(seconds: Sequence[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return round(sum(known), 3) if len(known) == len(seconds) else None
