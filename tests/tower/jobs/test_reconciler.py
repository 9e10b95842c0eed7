"""The reconciler between a real database and a real Prefect server. There is no worker: the tests set run states."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import JobStatus, JobType, ProductionJob
from tests import patient
from tests.patient import PATIENCE_S
from tests.ports import find_free_offset
from tower.clients.prefect import WORKER_LABEL, PrefectClient
from tower.engines.base import Shot
from tower.errors import SupersededError, UnavailableError
from tower.jobs import attempts, lifecycle
from tower.jobs.flow_runs import flow_run_request, launch_key
from tower.jobs.launching import BATCH_JOBS as LAUNCH_BATCH
from tower.jobs.leadership import leadership
from tower.jobs.lost_runs import MAX_CRASHES, MAX_UNCLAIMED
from tower.jobs.reconciler import Reconciler
from tower.jobs.settling import STOP_TIMEOUT_S
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments
from tower.rendering.segments import SegmentPlan

SHOT = Shot(prompt="x", negative_prompt="", seed=1, width=256, height=256, fps=24, frames=24)


@pytest.fixture(scope="session")
def deployment(prefect: PrefectClient) -> None:
    """`standard/standard` exists on the server in a pool that no worker serves."""
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        flow_id = http.post("/flows/", json={"name": "standard"}).json()["id"]
        http.post("/work_pools/", json={"name": "recipes", "type": "process"}).raise_for_status()
        fields = {"name": "standard", "flow_id": flow_id, "work_pool_name": "recipes"}
        http.post("/deployments/", json={**fields, "enforce_parameter_schema": False}).raise_for_status()


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
    """Launch the job without the delay of a repeated launch, and return its run."""
    with sessions.begin() as session:
        due = update(ProductionJob).where(ProductionJob.launch_after.is_not(None))
        session.execute(due.values(launch_after=func.now()))
    reconciler.reconcile()
    run_id = read_job(sessions, job_id).flow_run_id
    assert run_id is not None
    return run_id


def launch_and_claim(sessions: SessionFactory, reconciler: Reconciler, job_id: int) -> UUID:
    run_id = launch_and_get_run(sessions, reconciler, job_id)
    with sessions.begin() as session:
        attempts.claim_job(session, job_id, flow_run_id=run_id, timeout_s=60)
    return run_id


def set_state(prefect: PrefectClient, run_id: UUID, kind: str) -> None:
    answer = patient.post(
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
    run = patient.get(f"{prefect.url}/flow_runs/{run_id}").json()
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


def test_after_the_last_crash_the_job_fails_with_our_own_reason(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    for _ in range(MAX_CRASHES + 1):
        set_state(prefect, launch_and_claim(sessions, reconciler, job_id), "CRASHED")
        reconciler.reconcile()
    job = read_job(sessions, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "RUN_CRASHED")
    assert job.error_message == "The run of the job was lost 4 times; the last time its process ended early"


def test_a_claimed_job_whose_run_crashed_is_launched_again(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    first = launch_and_claim(sessions, reconciler, job_id)
    set_state(prefect, first, "CRASHED")
    reconciler.reconcile()
    assert launch_and_get_run(sessions, reconciler, job_id) != first
    assert read_job(sessions, job_id).crashes == 1


@pytest.mark.parametrize("kind", ["PENDING", "RUNNING"])
def test_a_run_that_was_taken_and_never_claims_its_job_is_replaced(
    sessions: SessionFactory, prefect: PrefectClient, deployment: None, job_id: int, kind: str
) -> None:
    """A worker that is killed at the hand-over leaves the run Pending, without its label."""
    patient = Reconciler(sessions, prefect)
    first = launch_and_get_run(sessions, patient, job_id)
    set_state(prefect, first, kind)
    patient.reconcile()
    assert read_job(sessions, job_id).flow_run_id == first
    impatient = Reconciler(sessions, prefect, claim_timeout_s=0)
    impatient.reconcile()
    assert state_of(prefect, first) in ("CANCELLED", "CANCELLING")
    second = launch_and_get_run(sessions, impatient, job_id)
    job = read_job(sessions, job_id)
    assert second != first
    assert (job.status, job.crashes, job.unclaimed_launches) == (JobStatus.PROCESSING, 0, 1)


def test_a_job_whose_worker_sends_no_heartbeat_is_launched_again(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    first = launch_and_claim(sessions, reconciler, job_id)
    set_state(prefect, first, "RUNNING")
    beat = patient.post(f"{prefect.url}/work_pools/recipes/workers/heartbeat", json={"name": "cpu@gone"})
    beat.raise_for_status()
    labelled = patient.patch(f"{prefect.url}/flow_runs/{first}/labels", json={WORKER_LABEL: "cpu@gone"})
    labelled.raise_for_status()
    reconciler.reconcile()
    assert read_job(sessions, job_id).flow_run_id == first
    Reconciler(sessions, prefect, heartbeat_timeout_s=0).reconcile()
    assert launch_and_get_run(sessions, reconciler, job_id) != first
    assert read_job(sessions, job_id).crashes == 1
    assert state_of(prefect, first) in ("CANCELLED", "CANCELLING")


def test_a_replaced_run_that_wakes_up_cannot_claim_the_job(
    sessions: SessionFactory, prefect: PrefectClient, deployment: None, job_id: int
) -> None:
    impatient = Reconciler(sessions, prefect, claim_timeout_s=0)
    first = launch_and_get_run(sessions, impatient, job_id)
    key = launch_key(read_job(sessions, job_id), 0)
    set_state(prefect, first, "PENDING")
    impatient.reconcile()
    with sessions.begin() as session, pytest.raises(SupersededError):
        attempts.claim_job(session, job_id, flow_run_id=first, timeout_s=60, launch_key=key)


def test_a_job_that_no_run_begins_fails_after_the_last_launch(
    sessions: SessionFactory, prefect: PrefectClient, deployment: None, job_id: int
) -> None:
    reconciler = Reconciler(sessions, prefect, claim_timeout_s=0)
    for _ in range(MAX_UNCLAIMED):
        set_state(prefect, launch_and_get_run(sessions, reconciler, job_id), "PENDING")
        reconciler.reconcile()
    job = read_job(sessions, job_id)
    assert (job.status, job.error_code, job.crashes) == (JobStatus.FAILED, "RUN_NOT_STARTED", 0)
    assert (job.error_message or "").startswith("No run of the job began in 10 launches; the last time its worker")


def test_a_claim_resets_the_count_of_launches_that_no_run_claimed(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    set_state(prefect, launch_and_get_run(sessions, reconciler, job_id), "FAILED")
    reconciler.reconcile()
    assert read_job(sessions, job_id).unclaimed_launches == 1
    launch_and_claim(sessions, reconciler, job_id)
    assert read_job(sessions, job_id).unclaimed_launches == 0


def test_a_run_whose_queue_was_deleted_is_replaced(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient
) -> None:
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        flow_id = http.post("/flows/", json={"name": "personal"}).json()["id"]
        http.post("/work_pools/", json={"name": "deleted", "type": "process"}).raise_for_status()
        fields = {"name": "personal", "flow_id": flow_id, "work_pool_name": "deleted"}
        http.post("/deployments/", json={**fields, "enforce_parameter_schema": False}).raise_for_status()
        with sessions.begin() as session:
            job_id = lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.PERSONAL).id
        launch_and_get_run(sessions, reconciler, job_id)
        http.delete("/work_pools/deleted").raise_for_status()
    reconciler.reconcile()
    job = read_job(sessions, job_id)
    assert (job.flow_run_id, job.unclaimed_launches, job.launch_after is not None) == (None, 1, True)


def test_a_launch_that_prefect_refuses_delays_its_own_job_only(
    sessions: SessionFactory, reconciler: Reconciler, job_id: int
) -> None:
    with sessions.begin() as session:
        refused = lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.PROFESSIONAL).id
        later = lifecycle.open_job(session, GenerationSpec(prompt="y"), job_type=JobType.STANDARD).id
    reconciler.reconcile()
    assert read_job(sessions, later).flow_run_id is not None
    assert (read_job(sessions, refused).flow_run_id, read_job(sessions, refused).unclaimed_launches) == (None, 1)
    for _ in range(MAX_UNCLAIMED - 1):
        with sessions.begin() as session:
            session.execute(update(ProductionJob).where(ProductionJob.id == refused).values(launch_after=func.now()))
        reconciler.reconcile()
    failed = read_job(sessions, refused)
    assert (failed.status, failed.error_code) == (JobStatus.FAILED, "RUN_NOT_STARTED")
    assert "tower deploy" in (failed.error_message or "")


def test_a_cancel_in_prefect_that_no_worker_carries_out_cancels_the_job(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    run_id = launch_and_claim(sessions, reconciler, job_id)
    set_state(prefect, run_id, "CANCELLING")
    reconciler.reconcile()
    assert read_job(sessions, job_id).status == JobStatus.CANCELLED


@pytest.mark.parametrize("kind", ["CANCELLING", "RUNNING"])
def test_a_run_that_outlives_its_ended_job_is_ended_by_tower(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int, kind: str
) -> None:
    run_id = launch_and_claim(sessions, reconciler, job_id)
    with sessions.begin() as session:
        lifecycle.cancel_job(session, job_id)
        old = datetime.now(UTC) - timedelta(seconds=STOP_TIMEOUT_S + 5)
        session.execute(update(ProductionJob).where(ProductionJob.id == job_id).values(ended_at=old))
    set_state(prefect, run_id, kind)
    reconciler.reconcile()
    assert state_of(prefect, run_id) == "CANCELLED"
    reconciler.reconcile()
    assert read_job(sessions, job_id).run_settled


def test_a_run_that_no_row_names_is_stopped_with_its_job(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    """The reconciler was killed between the launch and its record, and the user then cancelled the job."""
    lost = prefect.create_flow_run(flow_run_request(read_job(sessions, job_id)))
    with sessions.begin() as session:
        lifecycle.cancel_job(session, job_id)
    reconciler.reconcile()
    assert state_of(prefect, lost) == "CANCELLED"


def test_the_fault_of_one_job_holds_up_no_other(
    sessions: SessionFactory, prefect: PrefectClient, deployment: None
) -> None:
    with sessions.begin() as session:
        bad, good = (
            lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.STANDARD).id for _ in range(2)
        )
        for job_id in (bad, good):
            lifecycle.cancel_job(session, job_id)

    def fail_for_bad(_session: Session, job: ProductionJob) -> None:
        if job.id == bad:
            raise ValueError("a fault of this job")

    Reconciler(sessions, prefect, on_job_settled=fail_for_bad).reconcile()
    assert (read_job(sessions, bad).run_settled, read_job(sessions, good).run_settled) == (False, True)


def test_launches_come_in_batches_in_the_order_of_the_jobs(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient
) -> None:
    with sessions.begin() as session:
        job_ids = [
            lifecycle.open_job(session, GenerationSpec(prompt=f"shot {n}"), job_type=JobType.STANDARD).id
            for n in range(LAUNCH_BATCH + 3)
        ]
    reconciler.reconcile()
    launched = [job_id for job_id in job_ids if read_job(sessions, job_id).flow_run_id is not None]
    assert launched == job_ids[:LAUNCH_BATCH]
    reconciler.reconcile()
    run_ids = [read_job(sessions, job_id).flow_run_id for job_id in job_ids]
    times = [prefect.get_queue_time(run_id) for run_id in run_ids if run_id]
    assert len(times) == len(job_ids)
    assert times == sorted(time for time in times if time)


def test_one_process_at_a_time_leads(sessions: SessionFactory) -> None:
    with leadership(sessions) as first, leadership(sessions) as second:
        assert (first, second) == (True, False)
    with leadership(sessions) as again:
        assert again


def test_a_leader_that_hangs_loses_the_lead(sessions: SessionFactory) -> None:
    with leadership(sessions, timeout_s=1) as first:
        assert first
        deadline = time.monotonic() + 60
        while not is_free(sessions):
            assert time.monotonic() < deadline, "the lock was not released"
            time.sleep(0.2)


def is_free(sessions: SessionFactory) -> bool:
    with leadership(sessions) as leads:
        return leads


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
    patient.delete(f"{prefect.url}/flow_runs/{first}").raise_for_status()
    reconciler.reconcile()
    assert launch_and_get_run(sessions, reconciler, job_id) != first


def test_an_attempt_past_its_deadline_is_stopped_and_launched_again(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, job_id: int
) -> None:
    first = launch_and_get_run(sessions, reconciler, job_id)
    with sessions.begin() as session:
        attempts.claim_job(session, job_id, flow_run_id=first, timeout_s=60)
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
        attempt = attempts.claim_job(session, job_id, flow_run_id=parent, timeout_s=60)
        row = segments.open_segment(session, attempt, SegmentPlan(1, SHOT, "animatic", "f" * 64))
        segments.record_launch(session, row.id, child)
    with sessions.begin() as session:
        lifecycle.cancel_job(session, job_id)
    reconciler.reconcile()
    assert (state_of(prefect, parent), state_of(prefect, child)) == ("CANCELLED", "CANCELLED")


def test_two_concurrent_reconcilers_launch_each_job_once(
    sessions: SessionFactory, reconciler: Reconciler, prefect: PrefectClient, caplog: pytest.LogCaptureFixture
) -> None:
    with sessions.begin() as session:
        job_ids = [
            lifecycle.open_job(session, GenerationSpec(prompt=f"shot {n}"), job_type=JobType.STANDARD).id
            for n in range(5)
        ]
    other = Reconciler(sessions, prefect, interval_s=0.05)
    other.start()
    with caplog.at_level(logging.INFO, logger="tower.jobs.launching"):
        deadline = time.monotonic() + 60
        while any(read_job(sessions, job_id).launches == 0 for job_id in job_ids):
            assert time.monotonic() < deadline, "not all jobs were launched"
            reconciler.reconcile()
            time.sleep(0.05)
        reconciler.reconcile()
    other.stop()
    assert len([record for record in caplog.records if record.message == "Launched the job"]) == len(job_ids)
    runs = patient.post(
        f"{prefect.url}/flow_runs/count",
        json={"flow_runs": {"tags": {"any_": [f"job:{job_id}" for job_id in job_ids]}}},
    ).json()
    assert runs == len(job_ids)
    assert {read_job(sessions, job_id).launches for job_id in job_ids} == {1}
