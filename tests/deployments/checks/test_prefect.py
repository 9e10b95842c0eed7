"""The doctor tells a worker that rests from one that is not there."""

from __future__ import annotations

from db.engine import SessionFactory
from db.models.workers import Worker, WorkerState
from deployments.checks import database
from deployments.checks.prefect import check_workers
from deployments.postgres import EmbeddedPostgres
from tests import patient
from tests.conftest import COMMITTED_DATABASE
from tower.clients.prefect import PrefectClient


def test_a_resting_worker_is_not_called_dead(
    sessions: SessionFactory, postgres: EmbeddedPostgres, prefect: PrefectClient
) -> None:
    patient.post(f"{prefect.url}/work_pools/", json={"name": "gpu", "type": "process"})  # another test may have
    with sessions.begin() as session:
        worker = Worker(name="gpu@box", host="box", slots=1, engine="comfyui", state=WorkerState.UNWELL)
        worker.last_failure = "its disk is full"
        session.add(worker)
    resting = database.list_resting_workers(postgres.url(COMMITTED_DATABASE))
    check = check_workers(prefect.url, "gpu", resting)
    assert (check.status, check.found) == ("warn", "gpu@box rests: its disk is full")
    assert "Start" not in (check.mend or "")
