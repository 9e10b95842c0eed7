"""Cancelled and killed jobs: nothing is lost, rendered twice or left running."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from db.models.jobs import ProductionJob
from db.models.rendering import Asset, RenderSegment
from deployments import state
from tests.e2e.conftest import RunningStack
from tower.media.probe import probe

pytestmark = pytest.mark.e2e
LONG = {"prompt": "epic sky above the mountains", "duration": 8, "width": 1024, "height": 1024}
SHORT = {"prompt": "a quiet forest", "duration": 1, "width": 256, "height": 256}


def start_render(stack: RunningStack) -> dict[str, Any]:
    """A job during its render."""
    accepted = stack.api.generate(LONG)
    return stack.wait_for_job(accepted["job_id"], lambda job: job["stage"] == "render" and job["progress"] > 0.1)


def list_segments(stack: RunningStack, job_id: int) -> list[RenderSegment]:
    with stack.sessions() as session:
        return list(session.scalars(select(RenderSegment).filter_by(job_id=job_id).order_by(RenderSegment.attempt)))


def list_partial_files(stack: RunningStack, segments: list[RenderSegment]) -> list[Path]:
    """What is left of the clips of these segments. Those of a killed process stay for the purge."""
    folder = stack.addresses.data_dir / "renders" / ".partial"
    return [path for row in segments for path in folder.glob(f"segment-{row.id}.*")]


def becomes_true(condition: Callable[[], bool], *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_a_cancel_during_a_render_stops_it_and_leaves_no_files(stack: RunningStack) -> None:
    job_id = start_render(stack)["job_id"]
    pid = int(str(list_segments(stack, job_id)[0].process).rsplit(":", 1)[1])
    assert stack.api.cancel(job_id)["status"] == "cancelled"
    assert becomes_true(lambda: not psutil.pid_exists(pid), within_s=15), "the render continued"
    assert list_partial_files(stack, list_segments(stack, job_id)) == []

    def settled() -> bool:
        with stack.sessions() as session:
            return session.get_one(ProductionJob, job_id).run_settled

    assert becomes_true(settled, within_s=60)
    for segment in list_segments(stack, job_id):
        assert (segment.state, segment.asset_id) == ("cancelled", None)
        assert stack.prefect_run(segment.flow_run_id)["state_type"] == "CANCELLED"
    assert stack.api.get_status(job_id)["status"] == "cancelled"


def test_a_killed_render_is_repeated_once(stack: RunningStack) -> None:
    job_id = start_render(stack)["job_id"]
    os.kill(int(str(list_segments(stack, job_id)[0].process).rsplit(":", 1)[1]), signal.SIGKILL)
    job = stack.wait_for_end(job_id)
    assert job["status"] == "completed", job["error"]
    assert probe(Path(job["output_path"])).frames == 192
    assert [segment.state for segment in list_segments(stack, job_id)] == ["superseded", "completed"]
    with stack.sessions() as session:
        assert len(session.scalars(select(Asset).filter_by(job_id=job_id)).all()) == 1


def test_a_killed_recipe_resumes_with_its_surviving_render(stack: RunningStack) -> None:
    job_id = start_render(stack)["job_id"]
    with stack.sessions() as session:
        run_id = session.get_one(ProductionJob, job_id).flow_run_id
    stack.kill_run(run_id)
    job = stack.wait_for_end(job_id)
    assert job["status"] == "completed", job["error"]
    assert job["attempt"] == 2
    assert [segment.state for segment in list_segments(stack, job_id)] == ["completed"]


def test_a_job_whose_run_is_deleted_in_prefect_begins_again(stack: RunningStack) -> None:
    job_id = start_render(stack)["job_id"]
    with stack.sessions() as session:
        run_id = session.get_one(ProductionJob, job_id).flow_run_id
    stack.delete_run(run_id)
    job = stack.wait_for_end(job_id)
    assert job["status"] == "completed", job["error"]


def kill_prefect(stack: RunningStack) -> None:
    stack_state = state.read(stack.addresses.data_dir)
    assert stack_state is not None
    os.kill(next(child.pid for child in stack_state.children if child.name == "prefect"), signal.SIGKILL)


def test_a_running_job_completes_although_prefect_dies(stack: RunningStack) -> None:
    job_id = start_render(stack)["job_id"]
    kill_prefect(stack)
    job = stack.wait_for_end(job_id)
    assert job["status"] == "completed", job["error"]
    assert [segment.state for segment in list_segments(stack, job_id)] == ["completed"]


def test_a_job_opened_without_prefect_runs_after_prefect_returns(stack: RunningStack) -> None:
    kill_prefect(stack)
    accepted = stack.api.generate(SHORT)
    assert accepted["status"] == "processing"
    job = stack.wait_for_end(accepted["job_id"])
    assert job["status"] == "completed", job["error"]
