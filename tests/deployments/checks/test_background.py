"""The doctor's checks of background services."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deployments.checks import background
from tests import patient
from tests.patient import PATIENCE_S
from tower.clients.prefect import PrefectClient

SCHEDULER_S = 90  # the scheduler checks new deployments every 5 s and all of them every 60 s
BANNER = b"Check out the dashboard at http://127.0.0.1:4200\n"
FAILED = b"23:38:19.041 | ERROR   | docket.dependencies - x [   426ms] schedule_deployments(){schedule_deployments}\n"


@pytest.fixture
def deploy(prefect: PrefectClient) -> Iterator[Any]:
    """Creates a deployment with these schedules and deletes it after the test."""
    deployment_ids = []

    def create(*schedules: dict[str, Any]) -> str:
        name = f"scheduled-{uuid4().hex[:8]}"
        with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
            flow_id = http.post("/flows/", json={"name": name}).json()["id"]
            body = {"name": name, "flow_id": flow_id, "schedules": list(schedules)}
            deployment_ids.append(http.post("/deployments/", json=body).raise_for_status().json()["id"])
        return name

    yield create
    for deployment_id in deployment_ids:
        patient.delete(f"{prefect.url}/deployments/{deployment_id}").raise_for_status()


def test_a_schedule_due_in_a_minute_gets_its_run(prefect: PrefectClient, deploy: Any) -> None:
    anchor = datetime.now(UTC) + timedelta(seconds=60)
    schedule = {"interval": 3600, "anchor_date": anchor.isoformat()}
    name = deploy({"schedule": schedule, "active": True, "slug": "soon"})
    deadline = time.monotonic() + SCHEDULER_S
    while not (due := _next_runs(prefect, name)["soon"]):
        assert time.monotonic() < deadline, "the server's scheduler created no run"
        time.sleep(0.5)
    assert abs(due - anchor) < timedelta(seconds=1)
    check = background.check_schedules(prefect.url)
    assert check.status == "ok", check
    assert f"{due:%Y-%m-%d %H:%M}" in check.found


def test_the_check_names_a_schedule_that_is_never_due(prefect: PrefectClient, deploy: Any) -> None:
    name = deploy({"schedule": {"cron": "0 0 30 2 *"}, "active": True, "slug": "thirtieth-of-february"})
    check = background.check_schedules(prefect.url)
    assert check.status == "fail"
    assert f"{name} (thirtieth-of-february)" in check.found


def test_a_paused_schedule_needs_no_runs(prefect: PrefectClient, deploy: Any) -> None:
    name = deploy({"schedule": {"cron": "0 0 30 2 *"}, "active": False, "slug": "paused"})
    assert _next_runs(prefect, name) == {}


def test_errors_of_background_services_are_counted_since_the_last_start(tmp_path: Path) -> None:
    log = tmp_path / "prefect.log"
    log.write_bytes(BANNER + FAILED + BANNER)
    assert background.check_prefect_services(log).status == "ok"
    log.write_bytes(BANNER + FAILED + b"Traceback (most recent call last):\n" + FAILED)
    check = background.check_prefect_services(log)
    assert check.status == "warn"
    assert "2 errors" in check.found
    assert "schedule_deployments" in check.found


def test_without_a_log_the_check_makes_no_claim(tmp_path: Path) -> None:
    assert background.check_prefect_services(tmp_path / "prefect.log").status == "unknown"


def _next_runs(prefect: PrefectClient, deployment: str) -> dict[str, datetime | None]:
    return {
        schedule.slug: schedule.next_run_at for schedule in prefect.schedules() if schedule.deployment == deployment
    }
