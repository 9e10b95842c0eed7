"""The row of a worker, as its supervisor writes it: by the same rules as tower/rendering/workers.py."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from db.engine import Sessions
from db.models.jobs import JobType
from db.models.rendering import RenderSegment
from db.models.workers import Worker, WorkerState
from deployments.gpu_info import Gpu
from deployments.heartbeat import Reporter, engine
from deployments.postgres import EmbeddedPostgres
from deployments.worker_row import FAILURES_AFTER_RECOVERY, Condition, Said, WorkerRow
from tests.conftest import COMMITTED, free_port
from tower.errors import RenderError, StackError
from tower.jobs import lifecycle
from tower.jobs.spec import EngineChoice, GenerationSpec
from tower.rendering import workers
from tower.rendering.engine_choice import chosen
from tower.rendering.workers import UNWELL_AFTER, Report
from tower.settings import Settings

NAME = "gpu@box-123456"
GPU = Gpu("NVIDIA GeForce RTX 3060", vram_total_bytes=12 * 2**30, vram_free_bytes=11 * 2**30)
SAID = Said(host="box", slots=2, engine="comfyui", comfyui_url="http://box:8188", gpu=GPU)
AWAY = RenderError("ComfyUI does not answer", code="COMFYUI_UNREACHABLE")


@pytest.fixture
def row(sessions: Sessions, postgres: EmbeddedPostgres) -> WorkerRow:
    return WorkerRow(postgres.url(COMMITTED), NAME)


def seen(sessions: Sessions) -> Worker:
    with sessions() as session:
        return session.get_one(Worker, NAME)


def told(worker: Worker) -> dict[str, Any]:
    varying = {"name", "started_at", "seen_at"}
    return {column.key: getattr(worker, column.key) for column in Worker.__table__.columns if column.key not in varying}


def fails(sessions: Sessions, times: int) -> None:
    for _ in range(times):
        with sessions.begin() as session:
            workers.failed(session, NAME, AWAY)


@pytest.mark.parametrize("gpu", [GPU, None])
def test_a_report_is_what_tower_would_have_written(row: WorkerRow, sessions: Sessions, gpu: Gpu | None) -> None:
    said = Said(**{**asdict(SAID), "gpu": gpu})
    assert row.report(said)
    sizes = (gpu.name, gpu.vram_total_bytes, gpu.vram_free_bytes) if gpu else (None, None, None)
    with sessions.begin() as session:
        theirs = workers.report(session, Report("other", "box", 2, "comfyui", "http://box:8188", *sizes))
        assert told(seen(sessions)) == told(theirs)


def test_a_report_does_not_make_an_unwell_worker_well_but_a_new_start_does(row: WorkerRow, sessions: Sessions) -> None:
    row.report(SAID)
    fails(sessions, UNWELL_AFTER)
    row.report(SAID)
    assert seen(sessions).state == WorkerState.UNWELL
    before = seen(sessions).started_at
    row.report(SAID, state="ready")
    assert (seen(sessions).state, seen(sessions).failures_in_a_row) == (WorkerState.READY, UNWELL_AFTER)
    assert seen(sessions).started_at > before
    row.report(SAID, state="stopped")
    assert seen(sessions).state == WorkerState.STOPPED


def test_its_condition_is_what_its_renders_have_written(row: WorkerRow, sessions: Sessions) -> None:
    assert row.condition() is None
    row.report(SAID)
    assert row.condition() == Condition(False, 0, None, None, renders=False)
    fails(sessions, UNWELL_AFTER)
    with sessions.begin() as session:
        processing(session)
        assert workers.busy(session, NAME)
    assert row.condition() == Condition(True, UNWELL_AFTER, AWAY.message, AWAY.code, renders=True)


def processing(session: Session) -> None:
    """A segment that this worker renders now."""
    job = lifecycle.open_job(session, GenerationSpec(prompt="a cat"), job_type=JobType.STANDARD)
    session.flush()
    kept = {"job_id": job.id, "segment": 1, "attempt": 1, "prompt_id": job.comfyui_job_id, "engine": "comfyui"}
    row = RenderSegment(**kept, shot={}, fingerprint="0" * 64)
    session.add(row)
    session.flush()
    session.execute(update(RenderSegment).where(RenderSegment.id == row.id).values(state="processing", worker=NAME))


def test_recovery_is_that_of_tower(row: WorkerRow, sessions: Sessions) -> None:
    assert FAILURES_AFTER_RECOVERY == UNWELL_AFTER - 1
    row.report(SAID)
    fails(sessions, UNWELL_AFTER + 1)
    row.recovered()
    ours = told(seen(sessions))
    fails(sessions, UNWELL_AFTER + 1)
    with sessions.begin() as session:
        workers.recovered(session, NAME)
    assert {**told(seen(sessions)), "last_failure_at": None} == {**ours, "last_failure_at": None}
    row.report(SAID, state="stopped")
    row.recovered()
    assert seen(sessions).state == WorkerState.STOPPED


def test_a_database_that_is_away_is_no_error_and_is_found_again(row: WorkerRow, sessions: Sessions) -> None:
    away = WorkerRow(f"postgresql://nobody@127.0.0.1:{free_port()}/none", NAME)
    assert (away.report(SAID), away.condition(), away.recovered()) == (False, None, False)
    row.report(SAID)
    with sessions.begin() as session:
        session.connection().exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tower-worker'"
        )
    assert (row.condition(), row.condition()) == (None, Condition(False, 0, None, None, renders=False))


def test_a_database_of_another_shape_is_told_in_one_sentence(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(StackError, match="tower migrate"):
        WorkerRow(postgres.url("postgres"), NAME).report(SAID)


def test_a_worker_tells_when_it_has_ended_and_only_if_it_had_begun(row: WorkerRow, sessions: Sessions) -> None:
    settings = Settings(engine="auto", comfyui_url=None, gpu_slots=2)
    Reporter(settings, row).ended()
    assert row.condition() is None
    reporter = Reporter(settings, row)
    reporter.report()
    assert (seen(sessions).state, seen(sessions).engine, seen(sessions).slots) == (WorkerState.READY, "animatic", 2)
    fails(sessions, UNWELL_AFTER)
    reporter.report()
    assert seen(sessions).state == WorkerState.UNWELL
    reporter.ended()
    assert seen(sessions).state == WorkerState.STOPPED


@pytest.mark.parametrize(
    ("engine_set", "url"), list(itertools.product(("auto", "animatic", "comfyui"), (None, "http://box:8188")))
)
def test_the_engine_that_it_reports_is_the_one_that_renders(engine_set: Any, url: str | None) -> None:
    settings = Settings(engine=engine_set, comfyui_url=url)
    assert engine(settings) == chosen(EngineChoice.AUTO, settings)


def test_a_supervisor_does_not_load_sqlalchemy() -> None:
    code = "import deployments.stack, deployments.remote_worker, sys; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
