"""The moments of a job at which a process is killed: each hand-over, and the work between two."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import select, text

from db.engine import SessionFactory
from db.models.jobs import ProductionJob, Stage
from db.models.rendering import QualityAssessment, RenderSegment, SegmentState
from tower.clients.production import END_STATUSES

UNTAKEN = (None, "SCHEDULED")  # states of a run that no worker has taken
PREFECT_STATES = text("select cast(id as text) as id, state_type from flow_run where id = any(cast(:ids as uuid[]))")


@dataclass(frozen=True)
class Sight:
    """What the databases of Tower and of Prefect say of a job and of its newest render."""

    job_id: int
    status: str
    stage: Stage
    attempt: int
    steps: frozenset[str]
    flow_run_id: str | None
    run_state: str | None
    render_state: SegmentState | None
    render_progress: float
    render_process: str | None
    render_run_state: str | None
    is_judged: bool

    @property
    def is_ended(self) -> bool:
        return self.status in END_STATUSES


# In the order in which a job reaches them. `registered`: the job is completed, its run still publishes its page.
MOMENTS: dict[str, Callable[[Sight], bool]] = {
    "posted": lambda _: True,
    "launched": lambda sight: sight.flow_run_id is not None,
    "taken": lambda sight: sight.run_state not in UNTAKEN,
    "claimed": lambda sight: sight.attempt > 0,
    "render asked": lambda sight: sight.render_state is not None,
    "render taken": lambda sight: sight.render_run_state not in UNTAKEN,
    "render claimed": lambda sight: sight.render_process is not None,
    "rendering": lambda sight: sight.render_progress > 0.3,
    "rendered": lambda sight: sight.render_state is SegmentState.COMPLETED,
    "joined": lambda sight: "join" in sight.steps,
    "checked": lambda sight: sight.is_judged,
    "synced": lambda sight: "sync" in sight.steps,
    "registered": lambda sight: sight.is_ended,
}


def name_moment(sight: Sight) -> str:
    """The last moment that the job has reached."""
    return next(name for name in reversed(MOMENTS) if MOMENTS[name](sight))


def look(tower: SessionFactory, prefect: SessionFactory, job_ids: Collection[int]) -> dict[int, Sight]:
    """What is known of each job now. Jobs that the database does not have are left out."""
    states: dict[str, str] = {}
    with tower() as session:
        jobs = session.scalars(select(ProductionJob).where(ProductionJob.id.in_(job_ids))).all()
        rows = session.scalars(
            select(RenderSegment).where(RenderSegment.job_id.in_(job_ids)).order_by(RenderSegment.id)
        ).all()
        judged = set(
            session.scalars(select(QualityAssessment.job_id).where(QualityAssessment.job_id.in_(job_ids))).all()
        )
    newest = {row.job_id: row for row in rows}
    run_ids = [*(job.flow_run_id for job in jobs), *(row.flow_run_id for row in newest.values())]
    if ids := [str(run_id) for run_id in run_ids if run_id]:
        with prefect() as session:
            found = session.execute(PREFECT_STATES, {"ids": ids}).all()
        states = {run.id: run.state_type for run in found}
    return {job.id: _see(job, newest.get(job.id), states, is_judged=job.id in judged) for job in jobs}


def _see(job: ProductionJob, render: RenderSegment | None, states: dict[str, str], *, is_judged: bool) -> Sight:
    return Sight(
        job_id=job.id,
        status=job.status,
        stage=job.stage,
        attempt=job.attempt,
        steps=frozenset(job.steps),
        flow_run_id=str(job.flow_run_id) if job.flow_run_id else None,
        run_state=states.get(str(job.flow_run_id)),
        render_state=render.state if render else None,
        render_progress=render.progress if render else 0.0,
        render_process=render.process if render else None,
        render_run_state=states.get(str(render.flow_run_id)) if render else None,
        is_judged=is_judged,
    )
