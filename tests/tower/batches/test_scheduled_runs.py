"""The runs of planned entries, between a real database and a real Prefect server without workers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from db.engine import SessionFactory
from db.models.jobs import JobType
from db.models.schedule import ProductionSchedule, ScheduleState
from tests import patient
from tests.patient import PATIENCE_S
from tests.tower.versions.story import create_story
from tower.batches.scheduled_runs import ScheduledRuns
from tower.clients.prefect import PrefectClient
from tower.jobs.lost_runs import MAX_UNCLAIMED
from tower.story import schedule
from tower.story.schedule import ScheduleTarget
from tower.versions.kinds import Kind

TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(scope="module")
def deployment(prefect: PrefectClient) -> None:
    """`scheduled/scheduled` exists on the server in a pool that no worker serves."""
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        flow_id = http.post("/flows/", json={"name": "scheduled"}).json()["id"]
        http.post("/work_pools/", json={"name": "scheduled", "type": "process"})
        fields = {"name": "scheduled", "flow_id": flow_id, "work_pool_name": "scheduled"}
        http.post("/deployments/", json={**fields, "enforce_parameter_schema": False}).raise_for_status()


@pytest.fixture
def runs(sessions: SessionFactory, prefect: PrefectClient, deployment: None) -> ScheduledRuns:
    return ScheduledRuns(sessions, prefect)


@pytest.fixture
def entry_id(sessions: SessionFactory) -> int:
    with sessions.begin() as session:
        story = create_story(session)
        story.put(Kind.SCENES, scene_number=1, description="x")
        target = ScheduleTarget(story.project_id, "main")
        return schedule.add_schedule(session, target, {"job_type": JobType.INTEGRATED, "start_at": TOMORROW}).id


def read_entry(sessions: SessionFactory, entry_id: int) -> ProductionSchedule:
    with sessions() as session:
        return session.get_one(ProductionSchedule, entry_id)


def write_entry(sessions: SessionFactory, entry_id: int, **values: Any) -> None:
    with sessions.begin() as session:
        session.execute(update(ProductionSchedule).where(ProductionSchedule.id == entry_id).values(**values))


def test_a_planned_entry_has_a_run_at_its_time(
    sessions: SessionFactory, runs: ScheduledRuns, prefect: PrefectClient, entry_id: int
) -> None:
    before = read_entry(sessions, entry_id)
    runs.align_batch()
    entry = read_entry(sessions, entry_id)
    assert entry.flow_run_id is not None
    assert entry.updated_at == before.updated_at
    run = prefect.get_runs([entry.flow_run_id])[entry.flow_run_id]
    assert (run.state.type, run.scheduled_for) == ("SCHEDULED", TOMORROW)
    runs.align_batch()
    assert read_entry(sessions, entry_id).flow_run_id == entry.flow_run_id


def test_the_run_follows_its_entry(
    sessions: SessionFactory, runs: ScheduledRuns, prefect: PrefectClient, entry_id: int
) -> None:
    runs.align_batch()
    run_id = read_entry(sessions, entry_id).flow_run_id
    assert run_id is not None
    earlier = datetime.now(UTC) - timedelta(minutes=1)
    write_entry(sessions, entry_id, start_at=earlier)
    runs.align_batch()
    assert prefect.get_runs([run_id])[run_id].scheduled_for == earlier
    write_entry(sessions, entry_id, state=ScheduleState.CANCELLED)
    runs.align_batch()
    assert prefect.get_states([run_id])[run_id].type == "CANCELLED"
    assert read_entry(sessions, entry_id).flow_run_id is None


def test_a_lost_run_is_replaced_until_the_launches_are_spent(
    sessions: SessionFactory, runs: ScheduledRuns, prefect: PrefectClient, entry_id: int
) -> None:
    runs.align_batch()
    first = read_entry(sessions, entry_id).flow_run_id
    patient.delete(f"{prefect.url}/flow_runs/{first}").raise_for_status()
    runs.align_batch()
    assert (read_entry(sessions, entry_id).flow_run_id, read_entry(sessions, entry_id).launches) == (None, 1)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    write_entry(sessions, entry_id, launches=MAX_UNCLAIMED - 1, updated_at=an_hour_ago)
    runs.align_batch()
    last = read_entry(sessions, entry_id).flow_run_id
    assert last not in (None, first)
    patient.delete(f"{prefect.url}/flow_runs/{last}").raise_for_status()
    runs.align_batch()
    entry = read_entry(sessions, entry_id)
    assert entry.state == ScheduleState.FAILED
    assert entry.error_message == "No run started it in 10 launches; the last time its run was deleted in Prefect"
