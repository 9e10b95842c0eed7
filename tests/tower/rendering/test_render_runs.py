"""Lost render runs, between a real database and a real Prefect server. There is no worker: the tests set run states."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from db.engine import SessionFactory
from db.models.jobs import JobStatus, JobType, ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from db.models.workers import Worker
from tests import patient
from tests.patient import PATIENCE_S
from tower.clients.prefect import FlowRunRequest, PrefectClient
from tower.engines.base import Shot
from tower.errors import SupersededError
from tower.jobs import attempts, lifecycle
from tower.jobs.flow_runs import render_key
from tower.jobs.lost_runs import ClaimWatch
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments
from tower.rendering.render_runs import LostRender, WorkerWatch, abandon_if_lost
from tower.rendering.segments import SegmentPlan

PLAN = SegmentPlan(
    1, Shot(prompt="x", negative_prompt="", seed=1, width=256, height=256, fps=24, frames=24), "animatic", "f" * 64
)


class Render:
    """A job with one opened segment and its run."""

    def __init__(self, sessions: SessionFactory, prefect: PrefectClient) -> None:
        self.sessions, self.prefect = sessions, prefect
        with sessions.begin() as session:
            job = lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.STANDARD)
            self.attempt = attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
            self.row = segments.open_segment(session, self.attempt, PLAN)
        self.run_id = self.launch(self.row)

    def launch(self, row: RenderSegment) -> uuid.UUID:
        return self.prefect.create_flow_run(FlowRunRequest("rendering/rendering", "run", {}, (), render_key(row)))

    def reopen(self) -> RenderSegment:
        with self.sessions.begin() as session:
            return segments.open_segment(session, self.attempt, PLAN)

    def claim(self) -> None:
        with self.sessions.begin() as session:
            self.row = segments.claim_segment(
                session, self.row.id, flow_run_id=self.run_id, worker="gpu@box", process="box:1"
            )

    def set_state(self, kind: str) -> None:
        state = {"type": kind, "message": "connection to 10.0.0.7:5432 failed\\nDETAIL: …"}
        answer = patient.post(
            f"{self.prefect.url}/flow_runs/{self.run_id}/set_state", json={"state": state, "force": True}
        )
        answer.raise_for_status()

    def check(self, *, timeout_s: float = 0, silence_s: float = 60) -> LostRender | None:
        return abandon_if_lost(
            self.sessions,
            self.prefect,
            self.row,
            self.run_id,
            watch=ClaimWatch(timeout_s),
            worker_watch=WorkerWatch(silence_s),
        )

    def read(self) -> tuple[RenderSegment, ProductionJob]:
        with self.sessions() as session:
            return session.get_one(RenderSegment, self.row.id), session.get_one(ProductionJob, self.row.job_id)


@pytest.fixture(scope="module")
def deployment(prefect: PrefectClient) -> None:
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        flow_id = http.post("/flows/", json={"name": "rendering"}).json()["id"]
        http.post("/work_pools/", json={"name": "rendering", "type": "process"}).raise_for_status()
        fields = {"name": "rendering", "flow_id": flow_id, "work_pool_name": "rendering"}
        http.post("/deployments/", json=fields).raise_for_status()


@pytest.fixture
def render(sessions: SessionFactory, prefect: PrefectClient, deployment: None) -> Render:
    return Render(sessions, prefect)


def test_a_render_that_waits_in_the_queue_is_not_lost(render: Render) -> None:
    assert render.check() is None
    assert render.read()[0].state == SegmentState.QUEUED


@pytest.mark.parametrize("kind", ["PENDING", "RUNNING"])
def test_a_render_that_was_taken_and_never_claimed_gets_a_new_run(render: Render, kind: str) -> None:
    """A gpu worker that is killed at the hand-over leaves the run Pending; its key would return this dead run."""
    render.set_state(kind)
    assert render.check(timeout_s=60) is None
    lost = render.check()
    assert lost is not None
    assert not lost.was_claimed
    row, job = render.read()
    assert (row.state, row.error_code, job.status) == (SegmentState.SUPERSEDED, "RUN_NOT_STARTED", JobStatus.PROCESSING)
    assert render.launch(render.reopen()) != render.run_id
    assert render.prefect.get_states([render.run_id])[render.run_id].type in ("CANCELLED", "CANCELLING")


def test_a_render_whose_run_crashed_is_lost_with_our_own_reason(render: Render) -> None:
    render.claim()
    render.set_state("CRASHED")
    assert render.check() == LostRender("its process ended early", was_claimed=True)
    assert render.read()[0].error_message == "its process ended early"


def test_a_render_whose_worker_no_longer_reports_is_lost(render: Render) -> None:
    """The machine of the worker is gone or cut off, and Prefect still calls the run Running."""
    render.set_state("RUNNING")
    render.claim()
    assert render.check(silence_s=0) is None, "a worker that never reported says nothing"
    with render.sessions.begin() as session:
        session.add(Worker(name="gpu@box", host="box", slots=1, engine="animatic"))
    assert render.check(silence_s=60) is None
    assert render.check(silence_s=0) == LostRender("its worker has not reported for 0 s", was_claimed=True)
    assert render.read()[0].state == SegmentState.SUPERSEDED


def test_a_worker_is_silent_only_while_it_could_report() -> None:
    now_s, report = [0.0], datetime(2026, 1, 1, tzinfo=UTC)
    watch = WorkerWatch(60, clock=lambda: now_s[0])

    def is_lost_at(at_s: float, seen_at: datetime = report) -> bool:
        now_s[0] = at_s
        return watch.find_loss("gpu@box", seen_at) is not None

    assert not any(is_lost_at(at_s) for at_s in range(0, 60, 3))
    assert is_lost_at(63)
    later = report + timedelta(seconds=15)
    assert not any(is_lost_at(at_s, later) for at_s in range(66, 120, 3))
    assert not is_lost_at(1000, later), "the database was away, and no worker could report"
    assert not any(is_lost_at(at_s, later) for at_s in range(1003, 1060, 3))
    assert is_lost_at(1063, later)


def test_a_render_whose_run_was_deleted_is_lost(render: Render) -> None:
    render.claim()
    patient.delete(f"{render.prefect.url}/flow_runs/{render.run_id}").raise_for_status()
    assert render.check() == LostRender("its run was deleted in Prefect", was_claimed=True)


def test_a_claimed_render_is_left_to_its_engine_and_to_the_deadline_of_the_job(render: Render) -> None:
    render.set_state("RUNNING")
    render.claim()
    assert render.check() is None


def test_a_render_that_is_claimed_at_the_last_moment_goes_on(render: Render) -> None:
    render.set_state("PENDING")
    waiting = render.row
    render.claim()
    render.row = waiting
    assert render.check() is None
    assert render.read()[0].state == SegmentState.PROCESSING


@pytest.mark.parametrize("kind", ["CANCELLING", "CANCELLED"])
def test_a_render_that_the_user_cancels_in_prefect_cancels_its_job(render: Render, kind: str) -> None:
    render.set_state(kind)
    assert render.check() is None
    row, job = render.read()
    assert (row.state, job.status) == (SegmentState.CANCELLED, JobStatus.CANCELLED)


def test_a_replaced_render_run_that_wakes_up_cannot_claim_its_segment(render: Render) -> None:
    render.set_state("PENDING")
    render.check()
    with pytest.raises(SupersededError):
        render.claim()
    assert render.reopen().attempt == 2
