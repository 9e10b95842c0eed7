"""An unwell worker rests, and returns once it is healthy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from db.engine import SessionFactory
from db.models.workers import WorkerState
from deployments.circuit_breaker import CircuitBreaker
from deployments.postgres import EmbeddedPostgres
from deployments.process import Process
from deployments.supervisor import ProcessSpec, Supervisor
from deployments.worker_plans import WorkerPlan
from deployments.worker_row import WorkerReport, WorkerRow
from tests.conftest import COMMITTED_DATABASE
from tests.deployments.conftest import PythonCommand
from tests.deployments.processes import wait_until
from tests.fakes.comfyui.server import FakeComfyUI
from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.rendering import workers
from tower.rendering.failure_limits import UNWELL_AFTER_FAILURES
from tower.settings import Settings

NAME, PART = "gpu@box-123456", "worker-gpu"
AWAY = RenderError("ComfyUI at http://box:8188 does not answer", code=ErrorCode.COMFYUI_UNREACHABLE)
WITH_A_RUN = "import subprocess; subprocess.run(['sleep', '60']); import time; time.sleep(60)"
IDLE = "import time; time.sleep(60)"
REST_S = 0.2


@dataclass
class RestingWorker:
    """A worker process under a supervisor, its row, and the circuit breaker that watches both."""

    supervisor: Supervisor
    rest: CircuitBreaker
    row: WorkerRow
    sessions: SessionFactory
    comfy: FakeComfyUI
    messages: list[str]

    def record_failures(self, times: int = UNWELL_AFTER_FAILURES) -> None:
        for _ in range(times):
            with self.sessions.begin() as session:
                workers.record_failure(session, NAME, AWAY)

    def record_success(self) -> None:
        with self.sessions.begin() as session:
            workers.record_success(session, NAME)

    def read_state(self) -> WorkerState:
        with self.sessions() as session:
            return next(worker.state for worker in workers.list_workers(session) if worker.name == NAME)

    def read_reason(self) -> str | None:
        with self.sessions() as session:
            return next(worker.last_failure for worker in workers.list_workers(session) if worker.name == NAME)

    def rests(self) -> bool:
        self.rest.check()
        return self.supervisor.find_pid(PART) is None

    def takes_runs(self) -> bool:
        self.rest.check()
        return self.supervisor.find_pid(PART) is not None


@pytest.fixture(params=[IDLE])
def resting(
    request: pytest.FixtureRequest,
    sessions: SessionFactory,
    postgres: EmbeddedPostgres,
    python: PythonCommand,
    tmp_path: Path,
) -> Iterator[RestingWorker]:
    command = python(request.param, name=PART)
    messages: list[str] = []
    supervisor = Supervisor(say=messages.append, on_change=lambda _: None)
    supervisor.launch(ProcessSpec(PART, "The gpu worker", lambda: Process(command), lambda: True))
    row = WorkerRow(postgres.url(COMMITTED_DATABASE), NAME)
    row.report(WorkerReport(host="box", slots=1, engine="comfyui", comfyui_url=None, gpu=None))
    with FakeComfyUI() as comfy:
        settings = Settings(data_dir=tmp_path, comfyui_url=comfy.url)
        plan = WorkerPlan("gpu", PART, NAME, slots=1, queues=())
        breaker = CircuitBreaker(
            settings,
            plan,
            row,
            supervisor=supervisor,
            say=messages.append,
            first_pause_s=REST_S,
            recheck_interval_s=REST_S,
        )
        yield RestingWorker(supervisor, breaker, row, sessions, comfy, messages)
    supervisor.stop()
    row.close()


with_a_run = pytest.mark.parametrize("resting", [WITH_A_RUN], indirect=True)


def wait_for_run(resting: RestingWorker) -> psutil.Process:
    """Wait for the process that the worker starts."""
    worker = psutil.Process(resting.supervisor.find_pid(PART))
    wait_until(lambda: worker.children() != [])
    [run] = worker.children()
    return run


def test_a_worker_rests_with_a_reason_after_three_failures_in_a_row(resting: RestingWorker) -> None:
    resting.record_failures(UNWELL_AFTER_FAILURES - 1)
    assert resting.takes_runs()
    resting.record_failures(1)
    assert resting.rests()
    assert resting.messages == [f"{NAME} takes no more for 0.2 s at least, after 3 failures in a row: {AWAY.message}"]


def test_a_resting_worker_returns_only_after_its_engine_answers(resting: RestingWorker) -> None:
    resting.record_failures()
    resting.comfy.kill()
    assert resting.rests()
    wait_until(lambda: len(resting.messages) > 1 or not resting.rests())
    assert resting.messages[1].startswith(f"{NAME} still rests: ComfyUI does not answer at {resting.comfy.url}")
    assert resting.read_reason() == resting.messages[1].partition("rests: ")[2]
    resting.comfy.start()
    wait_until(resting.takes_runs)
    assert resting.messages[2:] == [f"{NAME} answers well and takes runs again"]
    assert resting.read_state() == WorkerState.READY


def test_a_rest_that_follows_a_rest_is_twice_as_long_until_a_render_succeeds(resting: RestingWorker) -> None:
    for _ in range(2):
        resting.record_failures()
        assert resting.rests()
        wait_until(resting.takes_runs)
    resting.record_success()
    assert resting.takes_runs()
    resting.record_failures()
    assert resting.rests()
    assert [line.split(" s at least")[0].split("for ")[1] for line in resting.messages if "no more" in line] == [
        "0.2",
        "0.4",
        "0.2",
    ]


@with_a_run
def test_a_resting_worker_finishes_its_run_and_takes_no_other(resting: RestingWorker) -> None:
    run = wait_for_run(resting)
    worker = psutil.Process(resting.supervisor.find_pid(PART))
    resting.record_failures()
    assert not resting.rests()
    assert worker.status() == psutil.STATUS_STOPPED
    assert run.is_running()
    run.kill()
    wait_until(resting.rests)


@with_a_run
def test_a_success_of_the_last_run_cancels_the_rest(resting: RestingWorker) -> None:
    wait_for_run(resting)
    worker = psutil.Process(resting.supervisor.find_pid(PART))
    resting.record_failures()
    assert not resting.rests()
    resting.record_success()
    assert resting.takes_runs()
    assert worker.status() != psutil.STATUS_STOPPED
    assert resting.messages == []


def test_nothing_changes_while_the_database_is_away(resting: RestingWorker, sessions: SessionFactory) -> None:
    resting.record_failures()
    with sessions.begin() as session:
        session.connection().exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tower-worker'"
        )
    assert resting.takes_runs()
    assert resting.rests()
