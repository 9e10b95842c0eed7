"""Jobs in the queue of a real Prefect server, whose cpu worker takes nothing, and the runs that a worker would get."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from db.engine import SessionFactory
from db.models.jobs import JobType, ProductionJob, Stage
from db.models.rendering import RenderSegment, SegmentState
from tests import patient
from tests.patient import PATIENCE_S
from tower.addresses import tls_context
from tower.clients.prefect import FlowRunRequest, PrefectClient
from tower.engines.base import Shot
from tower.jobs import attempts, lifecycle
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments
from tower.rendering.segments import SegmentPlan

SHOT = Shot(prompt="x", negative_prompt="", seed=1, width=256, height=256, fps=24, frames=24)
ROOM = {"concurrency_limit": 100}
CPU_WORKER = {"name": "cpu@tests"}
FLOWS = {"standard": "cpu", "fast": "cpu", "render": "gpu"}  # flow -> pool


def create_deployments(prefect: PrefectClient) -> None:
    """Create the pools and deployments of a stack, and a cpu worker that only reports.

    A pool that is there already gets room for all runs too.
    """
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S, verify=tls_context()) as http:
        for pool in set(FLOWS.values()):
            created = http.post("/work_pools/", json={"name": pool, "type": "process"} | ROOM)
            assert created.status_code in (201, 409), created.text
            http.patch(f"/work_pools/{pool}", json=ROOM).raise_for_status()
        http.post("/work_pools/cpu/workers/heartbeat", json=CPU_WORKER).raise_for_status()
        for name, pool in FLOWS.items():
            flow_id = http.post("/flows/", json={"name": name}).json()["id"]
            deployment = {"name": name, "flow_id": flow_id, "work_pool_name": pool, "enforce_parameter_schema": False}
            http.post("/deployments/", json=deployment).raise_for_status()


def delete_live_runs(prefect: PrefectClient) -> None:
    """Delete all runs that wait or hold a place in their pool."""
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S, verify=tls_context()) as http:
        query = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}}}, "limit": 200}
        for run in http.post("/flow_runs/filter", json=query).json():
            http.delete(f"/flow_runs/{run['id']}").raise_for_status()


def open_waiting_job(sessions: SessionFactory, prefect: PrefectClient, *, count: int = 1) -> int:
    """A job whose recipe runs and whose `count` segments wait for a worker of the gpu pool."""
    with sessions.begin() as session:
        job = lifecycle.open_job(session, GenerationSpec(prompt="a shrine"), job_type=JobType.STANDARD)
        attempt = attempts.claim_job(session, job.id, flow_run_id=None, timeout_s=3600)
        attempts.report_progress(session, attempt, stage=Stage.RENDER)
        recipe = _run(prefect, "standard", job.id)
        set_state(prefect, recipe, "RUNNING")
        session.get_one(ProductionJob, job.id, populate_existing=True).flow_run_id = recipe
        plans = [SegmentPlan(number, SHOT, "animatic", uuid.uuid4().hex * 2) for number in range(1, count + 1)]
        rows = [segments.open_segment(session, attempt, plan) for plan in plans]
        for row in rows:
            segments.record_launch(session, row.id, _run(prefect, "render", row.id))
    return job.id


def open_unstarted_job(sessions: SessionFactory, prefect: PrefectClient) -> int:
    """A job whose recipe waits for a worker of the cpu pool."""
    with sessions.begin() as session:
        job = lifecycle.open_job(session, GenerationSpec(prompt="a shrine"), job_type=JobType.STANDARD)
        job.flow_run_id, job.launch_after, job.launches = _run(prefect, "standard", job.id), None, 1
    return job.id


def start_segment(sessions: SessionFactory, prefect: PrefectClient, segment_id: int) -> None:
    """Claim the segment and set its run to Running, as a worker does."""
    with sessions.begin() as session:
        run_id = session.get_one(RenderSegment, segment_id).flow_run_id
        segments.claim_segment(session, segment_id, flow_run_id=run_id, worker="gpu@box", process="box:1")
    for kind in ("PENDING", "RUNNING"):
        set_state(prefect, run_id, kind)


def complete_segment(sessions: SessionFactory, segment_id: int, asset_id: int, *, took_s: float) -> None:
    with sessions.begin() as session:
        row = session.get_one(RenderSegment, segment_id)
        row.state, row.asset_id, row.progress = SegmentState.COMPLETED, asset_id, 1.0
        row.ended_at = datetime.now(UTC)
        row.started_at = row.ended_at - timedelta(seconds=took_s)


def list_segment_ids(sessions: SessionFactory, job_id: int) -> list[int]:
    with sessions() as session:
        rows = select(RenderSegment.id).filter_by(job_id=job_id).order_by(RenderSegment.segment)
        return list(session.scalars(rows))


def set_state(prefect: PrefectClient, run_id: uuid.UUID | None, kind: str) -> None:
    answer = patient.post(f"{prefect.url}/flow_runs/{run_id}/set_state", json={"state": {"type": kind}, "force": True})
    answer.raise_for_status()


def list_scheduled_runs(prefect: PrefectClient, pool: str) -> list[int]:
    """The parameter of each run that a worker of this pool would get now, in order."""
    body = {"scheduled_before": datetime.now(UTC).isoformat()}
    runs: Sequence[dict[str, Any]] = patient.post(
        f"{prefect.url}/work_pools/{pool}/get_scheduled_flow_runs", json=body
    ).json()
    return [next(iter(run["flow_run"]["parameters"].values())) for run in runs]


def _run(prefect: PrefectClient, flow: str, number: int) -> uuid.UUID:
    key = "segment_id" if flow == "render" else "job_id"
    request = FlowRunRequest(f"{flow}/{flow}", f"{flow} {number}", {key: number}, ("tower",), str(uuid.uuid4()))
    return prefect.create_flow_run(request)
