"""The schedule of the deployment `batch`, on a real Prefect server whose scheduler makes its runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from db.engine import SessionFactory
from tests.patient import PATIENCE_S
from tower.batches.deployment_schedule import BATCH_DEPLOYMENT, SLUG, ScheduleAlignment, apply_window, read_back
from tower.batches.stored_window import load_window, save_window
from tower.batches.window import ALWAYS_OPEN, parse_window
from tower.clients.prefect import PrefectClient

NIGHT = parse_window("22:00", "07:00", "Europe/Berlin")


@pytest.fixture(scope="module")
def deployment(prefect: PrefectClient) -> None:
    """`batch/batch` as a new deployment makes it, in a pool that no worker serves."""
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        flow_id = http.post("/flows/", json={"name": "batch"}).json()["id"]
        http.post("/work_pools/", json={"name": "scheduled", "type": "process"})
        cron = {"schedule": {"cron": "0 22 * * *", "timezone": "UTC"}, "slug": SLUG, "active": True}
        fields = {"name": "batch", "flow_id": flow_id, "work_pool_name": "scheduled", "schedules": [cron]}
        http.post("/deployments/", json={**fields, "enforce_parameter_schema": False}).raise_for_status()


def read_cron(prefect: PrefectClient) -> list[dict[str, Any]]:
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        found = http.get(f"/deployments/name/{BATCH_DEPLOYMENT}").raise_for_status().json()
    return [schedule["schedule"] for schedule in found["schedules"]]


@pytest.mark.usefixtures("deployment")
def test_prefect_makes_runs_at_the_window_soon_after_it_is_set(prefect: PrefectClient) -> None:
    cron = apply_window(prefect, NIGHT, datetime.now(UTC))
    seen = read_back(prefect, cron, wait_s=PATIENCE_S)
    assert seen.next_runs[0] == NIGHT.next_opening(datetime.now(UTC))
    assert [
        schedule.items() >= {"cron": "0 22 * * *", "timezone": NIGHT.zone}.items() for schedule in read_cron(prefect)
    ] == [True]
    moved = parse_window("23:30", "07:00", NIGHT.zone)
    cron = apply_window(prefect, moved, datetime.now(UTC))
    assert read_back(prefect, cron, wait_s=PATIENCE_S).next_runs[0] == moved.next_opening(datetime.now(UTC))


@pytest.mark.usefixtures("deployment")
def test_the_reconciler_brings_the_window_back_after_a_new_deployment(
    prefect: PrefectClient, sessions: SessionFactory
) -> None:
    with sessions.begin() as session:
        save_window(session, NIGHT)
        assert load_window(session) == NIGHT
    apply_window(prefect, ALWAYS_OPEN, datetime.now(UTC) - timedelta(days=1))
    assert read_cron(prefect)[0]["timezone"] == "UTC"
    ScheduleAlignment(sessions, prefect).align()
    assert read_cron(prefect)[0]["timezone"] == NIGHT.zone
