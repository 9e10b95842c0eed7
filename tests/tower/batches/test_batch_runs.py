"""The runs of batches, between a real database and a real Prefect server without workers."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, update

from db.engine import SessionFactory
from db.models.batches import Batch
from db.models.jobs import JobType
from db.models.schedule import ProductionSchedule
from tests import patient
from tests.patient import PATIENCE_S
from tests.tower.versions.story import create_story
from tower.batches.batch_runs import BatchRuns
from tower.batches.listing import mark_reported
from tower.batches.outcomes import record_outcomes
from tower.batches.report_page import render_report
from tower.batches.reporting import read_report
from tower.clients.prefect import PrefectClient
from tower.story import schedule
from tower.story.schedule import ScheduleTarget

NOW = datetime.now(UTC)
SUITE = timedelta(days=1)  # the tests may run long after this module was read
LONG_AGO = NOW - timedelta(hours=1)


@pytest.fixture(scope="module")
def deployment(prefect: PrefectClient) -> None:
    """`batch/batch` exists on the server in a pool that no worker serves."""
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        flow_id = http.post("/flows/", json={"name": "batch"}).json()["id"]
        http.post("/work_pools/", json={"name": "scheduled", "type": "process"})
        fields = {"name": "batch", "flow_id": flow_id, "work_pool_name": "scheduled"}
        http.post("/deployments/", json={**fields, "enforce_parameter_schema": False}).raise_for_status()


@pytest.fixture
def runs(sessions: SessionFactory, prefect: PrefectClient, deployment: None) -> BatchRuns:
    return BatchRuns(sessions, prefect)


def add_batch(sessions: SessionFactory, **columns: Any) -> int:
    with sessions.begin() as session:
        batch = Batch(opens_at=LONG_AGO, closes_at=NOW + SUITE + timedelta(hours=1), **columns)
        session.add(batch)
        session.flush()
        return batch.id


def add_entry(sessions: SessionFactory, batch_id: int, **columns: Any) -> int:
    with sessions.begin() as session:
        target = ScheduleTarget(create_story(session).project_id, "main")
        fields = {"job_type": JobType.INTEGRATED, "start_at": LONG_AGO, "batch_id": batch_id} | columns
        return schedule.add_schedule(session, target, fields).id


def read_batch(sessions: SessionFactory, batch_id: int) -> Batch:
    with sessions() as session:
        return session.get_one(Batch, batch_id)


def rest(sessions: SessionFactory, batch_id: int) -> None:
    with sessions.begin() as session:
        session.execute(update(Batch).where(Batch.id == batch_id).values(updated_at=LONG_AGO))


def test_a_batch_whose_entry_waits_has_one_run_at_a_time(sessions: SessionFactory, runs: BatchRuns) -> None:
    batch_id = add_batch(sessions)
    add_entry(sessions, batch_id)
    runs.align()
    assert read_batch(sessions, batch_id).flow_run_id is None  # something was opened just now
    rest(sessions, batch_id)
    runs.align()
    run_id = read_batch(sessions, batch_id).flow_run_id
    assert run_id is not None
    runs.align()
    assert read_batch(sessions, batch_id).flow_run_id == run_id


def test_a_run_that_has_ended_is_followed_by_another(
    sessions: SessionFactory, runs: BatchRuns, prefect: PrefectClient
) -> None:
    batch_id = add_batch(sessions, flow_run_id=uuid.uuid4())
    add_entry(sessions, batch_id)
    runs.align()
    batch = read_batch(sessions, batch_id)
    assert (batch.flow_run_id, batch.launches) == (None, 1)
    rest(sessions, batch_id)
    runs.align()
    run = patient.get(f"{prefect.url}/flow_runs/{read_batch(sessions, batch_id).flow_run_id}").json()
    assert run["parameters"] == {"batch_id": batch_id}
    assert run["idempotency_key"].endswith("-launch-1")


def test_a_postponed_entry_waits_until_its_time(sessions: SessionFactory, runs: BatchRuns) -> None:
    batch_id = add_batch(sessions)
    later = {"postponed_until": NOW + SUITE + timedelta(minutes=5), "postponed_reason": "no gpu worker is there"}
    entry_id = add_entry(sessions, batch_id, **later)
    rest(sessions, batch_id)
    runs.align()
    assert read_batch(sessions, batch_id).flow_run_id is None
    with sessions.begin() as session:
        session.execute(
            update(ProductionSchedule).where(ProductionSchedule.id == entry_id).values(postponed_until=func.now())
        )
    runs.align()
    assert read_batch(sessions, batch_id).flow_run_id is not None


def test_an_ended_batch_has_a_run_until_its_report_is_published(sessions: SessionFactory, runs: BatchRuns) -> None:
    batch_id = add_batch(sessions)
    with sessions.begin() as session:
        record_outcomes(session)
    ended = read_batch(sessions, batch_id)
    assert ended.ended_at is not None
    runs.align()
    assert read_batch(sessions, batch_id).flow_run_id is not None
    with sessions.begin() as session:
        page = render_report(ended, read_report(session, ended))
        mark_reported(session, batch_id, ended_at=ended.ended_at)
    assert page.startswith(f"# Batch {batch_id}: ended")
    assert read_batch(sessions, batch_id).reported_at is not None


def test_a_batch_ends_when_its_window_closes_on_a_postponed_entry(sessions: SessionFactory) -> None:
    batch_id = add_batch(sessions)
    add_entry(sessions, batch_id, postponed_until=NOW, postponed_reason="no gpu worker is there")
    with sessions.begin() as session:
        record_outcomes(session)
    assert read_batch(sessions, batch_id).ended_at is None
    with sessions.begin() as session:
        session.execute(update(Batch).where(Batch.id == batch_id).values(closes_at=func.now()))
    with sessions.begin() as session:
        record_outcomes(session)
    ended = read_batch(sessions, batch_id)
    assert ended.report is not None
    assert [entry["reason"] for entry in ended.report["entries"]] == ["no gpu worker is there"]
