"""A due schedule on the whole stack: its run appears, and a worker takes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.e2e.conftest import RunningStack
from tests.patient import PATIENCE_S

LIMIT_S = 300


def test_a_due_schedule_runs(stack: RunningStack) -> None:
    with httpx.Client(base_url=stack.prefect_url, timeout=PATIENCE_S) as http:
        purge = http.get("/deployments/name/purge/purge").raise_for_status().json()
        anchor = datetime.now(UTC) + timedelta(seconds=15)
        soon = {"schedule": {"interval": 86400, "anchor_date": anchor.isoformat()}, "active": True, "slug": "soon"}
        [schedule] = http.post(f"/deployments/{purge['id']}/schedules", json=[soon]).raise_for_status().json()
        http.patch(f"/deployments/{purge['id']}", json={"description": purge["description"]}).raise_for_status()
        try:
            run = _ended_run(http, purge["id"], schedule["id"])
        finally:
            http.delete(f"/deployments/{purge['id']}/schedules/{schedule['id']}").raise_for_status()
    assert run["state"]["type"] == "COMPLETED"
    assert run["auto_scheduled"]
    assert datetime.fromisoformat(run["start_time"]) >= anchor


def _ended_run(http: httpx.Client, deployment_id: str, schedule_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT_S
    query = {
        "deployments": {"id": {"any_": [deployment_id]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}},
    }
    while True:
        runs: list[dict[str, Any]] = http.post("/flow_runs/filter", json=query).raise_for_status().json()
        if ours := [run for run in runs if run["created_by"]["id"] == schedule_id]:
            return ours[0]
        assert time.monotonic() < deadline, f"no run of the schedule ended within {LIMIT_S} s"
        time.sleep(0.5)


def test_a_planned_render_comes_at_its_time(stack: RunningStack) -> None:
    with httpx.Client(base_url=stack.addresses.production_url, timeout=PATIENCE_S) as http:
        project_id = http.post("/projects", json={"name": "Tonight"}).raise_for_status().json()["id"]
        scene = {"project_id": project_id, "scene_number": 1, "description": "a shrine"}
        scene_id = http.post("/scenes", json=scene).raise_for_status().json()["id"]
        start_at = datetime.now(UTC) + timedelta(seconds=5)
        shot = {"duration": 1, "width": 256, "height": 256, "engine": "animatic"}
        plan = {"project_id": project_id, "scene_id": scene_id, "start_at": start_at.isoformat(), "parameters": shot}
        planned = http.post("/schedule", json=plan).raise_for_status().json()
        entry = _wait_for_entry(http, planned["id"])
        assert (entry["state"], entry["job_ids"]) == ("completed", [entry["job_id"]])
        job = http.get(f"/generation/{entry['job_id']}/status").raise_for_status().json()
    assert (job["status"], job["project_id"]) == ("completed", project_id)
    assert datetime.fromisoformat(job["created_at"]) >= start_at


def _wait_for_entry(http: httpx.Client, entry_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT_S
    while True:
        entry: dict[str, Any] = http.get(f"/schedule/{entry_id}").raise_for_status().json()
        if entry["ended_at"] is not None:
            return entry
        assert time.monotonic() < deadline, f"the entry is {entry['state']} after {LIMIT_S} s"
        time.sleep(0.5)
