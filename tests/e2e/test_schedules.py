"""A due schedule on the whole stack: its run appears, and a worker takes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.e2e.conftest import RunningStack
from tests.patient import PATIENCE_S

LIMIT_S = 120


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
