"""The reconciler between a real database and a real Prefect server. There is no worker: the tests set run states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from db.engine import SessionFactory
from db.models.jobs import JobStatus, JobType, ProductionJob
from tests.ports import find_free_offset
from tower.clients.prefect import PrefectClient
from tower.engines.base import Shot
from tower.errors import UnavailableError
from tower.jobs import lifecycle
from tower.jobs.flow_runs import flow_run_request
from tower.jobs.reconciler import MAX_CRASHES, Reconciler
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments
from tower.rendering.segments import SegmentPlan

SHOT = Shot(prompt="x", negative_prompt="", seed=1, width=256, height=256, fps=24, frames=24)


@pytest.fixture(scope="session")
def deployment(prefect: PrefectClient) -> None:
    """`standard/standard` exists on the server, and no worker serves it."""
    with httpx.Client(base_url=prefect.url) as http:
        flow_id = http.post("/flows/", json={"name": "standard"}).json()["id"]
        response = http.post(
            "/deployments/", json={"name": "standard", "flow_id": flow_id, "enforce_parameter_schema": False}
        )
        response.raise_for_status()


@pytest.fixture
def reconciler(sessions: SessionFactory, prefect: PrefectClient, deployment: None) -> Reconciler:
    return Reconciler(sessions, prefect)


@pytest.fixture
def job_id(sessions: SessionFactory) -> int:
    with sessions.begin() as session:
        return lifecycle.open_job(session, GenerationSpec(prompt="a shrine"), job_type=JobType.STANDARD).id


def read_job(sessions: SessionFactory, job_id: int) -> ProductionJob:
    with sessions() as session:
        return session.get_one(ProductionJob, job_id)


def launch_and_get_run(sessions: SessionFactory, reconciler: Reconciler, job_id: int) -> UUID:
    reconciler.reconcile()
    run_id = read_job(sessions, job_id).flow_run_id
    assert run_id is not None
    return run_id


def set_state(prefect: PrefectClient, run_id: UUID, kind: str) -> None:
    answer = httpx.post(
        f"{prefect.url}/flow_runs/{run_id}/set_state",
        json={"state": {"type": kind, "message": "so it was"}, "force": True},
    )
    answer.raise_for_status()


def state_of(prefect: PrefectClient, run_id: UUID) -> str:
    return prefect.get_states([run_id])[run_id].type


def test_a_job_that_was_never_launched_is_launched_once(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    run_id = launch_and_get_run(sessions, reconciler, job_id)
    reconciler.reconcile()
    job = read_job(sessions, job_id)
    assert (job.flow_run_id, job.launches, job.launch_after) == (run_id, 1, None)
    run = httpx.get(f"{prefect.url}/flow_runs/{run_id}").json()
    assert run["name"] == f'standard · job {job_id} · "a shrine"'
    assert {"tower", f"job:{job_id}"} <= set(run["tags"])
    assert run["parameters"] == {"job_id": job_id}


def test_a_launch_whose_answer_was_lost_starts_no_second_run(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    lost = prefect.create_flow_run(flow_run_request(read_job(sessions, job_id)))
    assert launch_and_get_run(sessions, reconciler, job_id) == lost


def test_while_prefect_is_down_jobs_wait_and_the_caller_gets_an_error(sessions: SessionFactory, job_id: int) -> None:
    away = Reconciler(sessions, PrefectClient(f"http://127.0.0.1:{4200 + find_free_offset()}/api", timeout_s=1))
    with pytest.raises(UnavailableError):
        away.reconcile()
    assert read_job(sessions, job_id).launch_after is not None


@pytest.mark.parametrize("kind", ["CRASHED", "FAILED", "COMPLETED"])
def test_a_job_whose_run_ended_unfinished_is_launched_again(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int, kind: str
) -> None:
    first = launch_and_get_run(sessions, reconciler, job_id)
    set_state(prefect, first, kind)
    reconciler.reconcile()
    second = launch_and_get_run(sessions, reconciler, job_id)
    assert second != first
    assert read_job(sessions, job_id).launches == 2


def test_after_the_last_launch_the_job_fails_with_a_reason(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    for _ in range(MAX_CRASHES + 1):
        set_state(prefect, launch_and_get_run(sessions, reconciler, job_id), "CRASHED")
        reconciler.reconcile()
    job = read_job(sessions, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "RUN_CRASHED")
    assert job.error_message is not None
    assert "so it was" in job.error_message


def test_a_run_cancelled_in_prefect_cancels_its_job(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    set_state(prefect, launch_and_get_run(sessions, reconciler, job_id), "CANCELLED")
    reconciler.reconcile()
    assert read_job(sessions, job_id).status == JobStatus.CANCELLED


def test_a_job_whose_run_prefect_lost_is_launched_again(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    first = launch_and_get_run(sessions, reconciler, job_id)
    httpx.delete(f"{prefect.url}/flow_runs/{first}").raise_for_status()
    reconciler.reconcile()
    assert launch_and_get_run(sessions, reconciler, job_id) != first


def test_an_attempt_past_its_deadline_is_stopped_and_launched_again(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    first = launch_and_get_run(sessions, reconciler, job_id)
    with sessions.begin() as session:
        lifecycle.claim_job(session, job_id, flow_run_id=first, timeout_s=60)
    set_state(prefect, first, "RUNNING")
    with sessions.begin() as session:
        session.execute(update(ProductionJob).values(deadline_at=datetime.now(UTC) - timedelta(seconds=1)))
    reconciler.reconcile()
    assert state_of(prefect, first) == "CANCELLING"
    assert launch_and_get_run(sessions, reconciler, job_id) != first


def test_a_healthy_job_is_unchanged(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    run_id = launch_and_get_run(sessions, reconciler, job_id)
    set_state(prefect, run_id, "RUNNING")
    updated_at = read_job(sessions, job_id).updated_at
    reconciler.reconcile()
    assert (read_job(sessions, job_id).updated_at, state_of(prefect, run_id)) == (updated_at, "RUNNING")


def test_the_waiting_runs_of_a_cancelled_job_are_ended(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    run_id = launch_and_get_run(sessions, reconciler, job_id)
    with sessions.begin() as session:
        lifecycle.cancel_job(session, job_id)
    reconciler.reconcile()
    assert state_of(prefect, run_id) == "CANCELLED"
    assert not read_job(sessions, job_id).run_settled
    reconciler.reconcile()
    assert read_job(sessions, job_id).run_settled


def test_a_running_run_of_a_cancelled_job_is_stopped_after_a_grace_period(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    run_id = launch_and_get_run(sessions, reconciler, job_id)
    set_state(prefect, run_id, "RUNNING")
    with sessions.begin() as session:
        lifecycle.cancel_job(session, job_id)
    reconciler.reconcile()
    assert state_of(prefect, run_id) == "RUNNING"
    with sessions.begin() as session:
        session.execute(update(ProductionJob).values(ended_at=datetime.now(UTC) - timedelta(minutes=1)))
    reconciler.reconcile()
    assert state_of(prefect, run_id) == "CANCELLING"


def test_the_render_runs_of_a_cancelled_job_are_ended_too(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    parent = launch_and_get_run(sessions, reconciler, job_id)
    child = prefect.create_flow_run(flow_run_request(read_job(sessions, job_id)))
    with sessions.begin() as session:
        attempt = lifecycle.claim_job(session, job_id, flow_run_id=parent, timeout_s=60)
        row = segments.open_segment(session, attempt, SegmentPlan(1, SHOT, "animatic", "f" * 64))
        segments.record_launch(session, row.id, child)
    with sessions.begin() as session:
        lifecycle.cancel_job(session, job_id)
    reconciler.reconcile()
    assert (state_of(prefect, parent), state_of(prefect, child)) == ("CANCELLED", "CANCELLED")


def test_two_concurrent_reconcilers_make_one_run_per_job(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient
) -> None:
    with sessions.begin() as session:
        job_ids = [
            lifecycle.open_job(session, GenerationSpec(prompt=f"shot {n}"), job_type=JobType.STANDARD).id
            for n in range(5)
        ]
    other = Reconciler(sessions, prefect, interval_s=0.05)
    other.start()
    for _ in range(10):
        reconciler.reconcile()
    other.stop()
    runs = httpx.post(
        f"{prefect.url}/flow_runs/count",
        json={"flow_runs": {"tags": {"any_": [f"job:{job_id}" for job_id in job_ids]}}},
    ).json()
    assert runs == len(job_ids)
    assert {read_job(sessions, job_id).launches for job_id in job_ids} == {1}
