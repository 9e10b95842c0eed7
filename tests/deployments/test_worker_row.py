"""The row of a worker: its supervisor writes it, and its renders count failures in it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import astuple, replace

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import JobType
from db.models.rendering import RenderSegment
from db.models.workers import Worker, WorkerState
from deployments.gpu_info import Gpu
from deployments.heartbeat import WorkerReporter
from deployments.postgres import EmbeddedPostgres
from deployments.worker_row import WorkerCondition, WorkerReport, WorkerRow
from tests.conftest import COMMITTED_DATABASE, find_free_port
from tower.engines.choice import choose_engine
from tower.errors import RenderError, StackError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec
from tower.rendering import workers
from tower.rendering.failure_limits import FAILURES_AFTER_RECOVERY, UNWELL_AFTER_FAILURES
from tower.settings import Settings

NAME = "gpu@box-123456"
GPU = Gpu("NVIDIA GeForce RTX 3060", vram_total_bytes=12 * 2**30, vram_free_bytes=11 * 2**30)
REPORT = WorkerReport(
    host="box", slots=2, engine="comfyui", comfyui_url="http://box:8188", gpu=GPU, engines=["animatic", "comfyui"]
)
AWAY = RenderError("ComfyUI does not answer", code=ErrorCode.COMFYUI_UNREACHABLE)


@pytest.fixture
def row(sessions: SessionFactory, postgres: EmbeddedPostgres) -> WorkerRow:
    return WorkerRow(postgres.url(COMMITTED_DATABASE), NAME)


def read_worker(sessions: SessionFactory) -> Worker:
    with sessions() as session:
        return session.get_one(Worker, NAME)


def record_failures(sessions: SessionFactory, times: int) -> None:
    for _ in range(times):
        with sessions.begin() as session:
            workers.record_failure(session, NAME, AWAY)


def test_a_report_registers_a_worker_with_its_gpu(row: WorkerRow, sessions: SessionFactory) -> None:
    assert row.report(REPORT)
    worker = read_worker(sessions)
    assert (worker.host, worker.slots, worker.engine, worker.comfyui_url) == ("box", 2, "comfyui", "http://box:8188")
    assert worker.engines == ["animatic", "comfyui"]
    assert (worker.gpu, worker.vram_total_bytes, worker.vram_free_bytes) == astuple(GPU)
    assert (worker.state, worker.failures_in_a_row, worker.last_failure) == (WorkerState.READY, 0, None)


def test_a_gpu_that_no_longer_answers_is_no_longer_in_the_row(row: WorkerRow, sessions: SessionFactory) -> None:
    row.report(REPORT)
    before = read_worker(sessions).seen_at
    row.report(replace(REPORT, gpu=None))
    worker = read_worker(sessions)
    assert (worker.gpu, worker.vram_total_bytes, worker.vram_free_bytes) == (None, None, None)
    assert worker.seen_at > before


def test_a_report_does_not_make_an_unwell_worker_well_but_a_new_start_does(
    row: WorkerRow, sessions: SessionFactory
) -> None:
    row.report(REPORT)
    record_failures(sessions, UNWELL_AFTER_FAILURES)
    row.report(REPORT)
    assert read_worker(sessions).state == WorkerState.UNWELL
    before = read_worker(sessions).started_at
    row.report(REPORT, state="ready")
    assert (read_worker(sessions).state, read_worker(sessions).failures_in_a_row) == (
        WorkerState.READY,
        UNWELL_AFTER_FAILURES,
    )
    assert read_worker(sessions).started_at > before
    row.report(REPORT, state="stopped")
    assert read_worker(sessions).state == WorkerState.STOPPED


def test_the_state_follows_the_outcomes_of_renders(row: WorkerRow, sessions: SessionFactory) -> None:
    assert row.read_condition() is None
    row.report(REPORT)
    assert row.read_condition() == WorkerCondition(False, 0, None, None, renders=False)
    record_failures(sessions, UNWELL_AFTER_FAILURES)
    with sessions.begin() as session:
        insert_processing_segment(session)
    assert row.read_condition() == WorkerCondition(True, UNWELL_AFTER_FAILURES, AWAY.message, AWAY.code, renders=True)


def insert_processing_segment(session: Session) -> None:
    """A segment that this worker is rendering."""
    job = lifecycle.open_job(session, GenerationSpec(prompt="a cat"), job_type=JobType.STANDARD)
    session.flush()
    columns = {"job_id": job.id, "segment": 1, "attempt": 1, "prompt_id": job.comfyui_job_id, "engine": "comfyui"}
    row = RenderSegment(**columns, shot={}, fingerprint="0" * 64)
    session.add(row)
    session.flush()
    session.execute(update(RenderSegment).where(RenderSegment.id == row.id).values(state="processing", worker=NAME))


def test_after_recovery_one_failure_is_enough(row: WorkerRow, sessions: SessionFactory) -> None:
    row.report(REPORT)
    record_failures(sessions, UNWELL_AFTER_FAILURES + 1)
    row.mark_recovered()
    worker = read_worker(sessions)
    assert (worker.state, worker.failures_in_a_row) == (WorkerState.READY, FAILURES_AFTER_RECOVERY)
    assert (worker.last_failure, worker.last_failure_code) == (AWAY.message, AWAY.code)
    record_failures(sessions, 1)
    worker = read_worker(sessions)
    assert (worker.state, worker.failures_in_a_row) == (WorkerState.UNWELL, UNWELL_AFTER_FAILURES)


def test_only_an_unwell_worker_recovers(row: WorkerRow, sessions: SessionFactory) -> None:
    row.report(REPORT, state="stopped")
    row.mark_recovered()
    assert (read_worker(sessions).state, read_worker(sessions).failures_in_a_row) == (WorkerState.STOPPED, 0)


def test_an_absent_database_is_no_error_and_is_reconnected(row: WorkerRow, sessions: SessionFactory) -> None:
    away = WorkerRow(f"postgresql://nobody@127.0.0.1:{find_free_port()}/none", NAME)
    assert (away.report(REPORT), away.read_condition(), away.mark_recovered()) == (False, None, False)
    row.report(REPORT)
    with sessions.begin() as session:
        session.connection().exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tower-worker'"
        )
    assert (row.read_condition(), row.read_condition()) == (None, WorkerCondition(False, 0, None, None, renders=False))


def test_a_database_with_another_schema_gives_a_one_sentence_error(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(StackError, match="tower migrate"):
        WorkerRow(postgres.url("postgres"), NAME).report(REPORT)


def test_a_worker_reports_its_end_only_if_it_had_started(row: WorkerRow, sessions: SessionFactory) -> None:
    settings = Settings(engine="auto", comfyui_url=None, gpu_slots=2)
    WorkerReporter(settings, row).report_stopped()
    assert row.read_condition() is None
    reporter = WorkerReporter(settings, row)
    reporter.report()
    assert (read_worker(sessions).state, read_worker(sessions).engine, read_worker(sessions).slots) == (
        WorkerState.READY,
        "animatic",
        2,
    )
    record_failures(sessions, UNWELL_AFTER_FAILURES)
    reporter.report()
    assert read_worker(sessions).state == WorkerState.UNWELL
    reporter.report_stopped()
    assert read_worker(sessions).state == WorkerState.STOPPED


@pytest.mark.parametrize(
    ("engine_set", "url"), list(itertools.product(("auto", "animatic", "comfyui"), (None, "http://box:8188")))
)
def test_a_worker_reports_the_engine_that_renders(
    row: WorkerRow, sessions: SessionFactory, engine_set: str, url: str | None
) -> None:
    settings = Settings(engine=engine_set, comfyui_url=url and f"http://127.0.0.1:{find_free_port()}")
    WorkerReporter(settings, row).report()
    assert read_worker(sessions).engine == choose_engine("auto", settings).name
    assert read_worker(sessions).engines == ["animatic", *(["comfyui"] if url else [])]


def test_a_supervisor_does_not_load_sqlalchemy() -> None:
    code = "import deployments.stack, deployments.remote_worker, sys; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
