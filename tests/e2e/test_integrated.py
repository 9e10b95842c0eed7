"""The quality loop on the whole stack with a ComfyUI that renders badly: repaired, kept, resumed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.models.echo import EchoOrchestrationLog, PlanState
from db.models.jobs import ProductionJob, QualityMetrics
from db.models.rendering import Asset, QualityAssessment, RenderSegment
from deployments.environment import warm_socket_path
from tests import patient
from tests.e2e.conftest import TOWER, RunningStack
from tests.fakes.comfyui.misbehaviour import BlackPicture, FrozenPicture, Slow, WrongFrameCount
from tests.fakes.comfyui.server import FakeComfyUI
from tower.media.probe import probe

pytestmark = pytest.mark.e2e
MODELS = {"animatediff_models": ["mm-Stabilized_high.pth"]}
FRAMES = 48
SHOT = {"prompt": "rain on a tin roof", "duration": 2, "width": 256, "height": 256, "engine": "comfyui", "force": True}


@pytest.fixture(scope="module")
def comfy(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeComfyUI]:
    """The only ComfyUI, with its own gpu worker."""
    log = tmp_path_factory.mktemp("worker") / "painter.log"
    with FakeComfyUI(models=MODELS) as comfy:
        env = {
            **stack.env,
            "TOWER_DATABASE_URL": stack.addresses.database_url,
            "PREFECT_API_URL": stack.addresses.prefect_api_url,
            "PREFECT_API_AUTH_STRING": stack.addresses.prefect_auth_string or "",
            "TOWER_WARM_SOCKET": str(warm_socket_path(stack.addresses.data_dir)),
        }
        command = [*TOWER, "worker", "gpu", "--comfyui", comfy.url, "--slots", "1", "--name", "painter"]
        with log.open("wb") as out:
            worker = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            _wait_for_log(log, "takes runs from")
            yield comfy
        finally:
            worker.terminate()
            worker.wait(timeout=30)


@pytest.fixture
def project_id(stack: RunningStack) -> int:
    answer = patient.post(f"{stack.addresses.production_url}/projects", json={"name": f"Rain {time.time()}"})
    project_id: int = answer.raise_for_status().json()["id"]
    return project_id


def _wait_for_log(log: Path, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def generate_integrated(stack: RunningStack, project_id: int, **more: Any) -> dict[str, Any]:
    url = f"{stack.addresses.production_url}/generate/project/{project_id}"
    started: dict[str, Any] = patient.post(url, json={**SHOT, **more}).raise_for_status().json()
    return started


def list_renders(stack: RunningStack, job_id: int) -> list[tuple[int, int, str]]:
    """Round, attempt and state of each render."""
    with stack.sessions() as session:
        segments = session.scalars(select(RenderSegment).filter_by(job_id=job_id).order_by(RenderSegment.attempt))
        return [(row.round, row.attempt, row.state.value) for row in segments]


def list_verdicts(stack: RunningStack, job_id: int) -> list[tuple[int, bool]]:
    with stack.sessions() as session:
        assessments = session.scalars(select(QualityAssessment).filter_by(job_id=job_id).order_by(QualityAssessment.id))
        return [(row.round, row.passed) for row in assessments]


def get_final_verdict(stack: RunningStack, job_id: int) -> QualityMetrics:
    with stack.sessions() as session:
        return session.get_one(QualityMetrics, job_id)


def test_a_black_render_is_repeated_with_another_seed(stack: RunningStack, comfy: FakeComfyUI, project_id: int) -> None:
    comfy.misbehave(BlackPicture())
    started = generate_integrated(stack, project_id, seed=7)
    job = stack.wait_for_end(started["job_id"])
    assert (job["status"], job["job_type"], job["warnings"]) == ("completed", "integrated_generation", []), job["error"]
    first, second = job["rounds"]
    assert (first["passed"], first["kept"], first["failed"]) == (False, False, ["black_share", "black_run"])
    assert first["reason"].startswith("black_share: 48 of 48 frames (frames 0–47) are black; at most 12 allowed")
    assert (second["passed"], second["kept"], second["reason"]) == (True, True, None)
    assert second["changed"].startswith("seed ")
    assert job["quality_score"] == second["score"] == get_final_verdict(stack, job["job_id"]).score >= 5
    assert probe(Path(job["output_path"])).frames == FRAMES
    assert list_renders(stack, job["job_id"]) == [(1, 1, "completed"), (2, 2, "completed")]
    assert list_verdicts(stack, job["job_id"]) == [(1, False), (2, True)]
    assert "| 2 (kept) |" in stack.read_job_page(job["job_id"])


def test_three_bad_renders_keep_the_best_without_passing_it(
    stack: RunningStack, comfy: FakeComfyUI, project_id: int
) -> None:
    comfy.misbehave(BlackPicture())
    job_id = generate_integrated(stack, project_id, seed=8)["job_id"]
    stack.wait_for_job(job_id, lambda job: len(job["rounds"]) == 1)
    comfy.misbehave(FrozenPicture())
    stack.wait_for_job(job_id, lambda job: len(job["rounds"]) == 2)
    comfy.misbehave(BlackPicture())
    job = stack.wait_for_end(job_id)
    assert (job["status"], [entry["passed"] for entry in job["rounds"]]) == ("completed", [False] * 3), job["error"]
    assert [entry["kept"] for entry in job["rounds"]] == [False, True, False]
    best = job["rounds"][1]
    assert (get_final_verdict(stack, job_id).passed, job["quality_score"]) == (False, best["score"])
    [warning] = job["warnings"]
    assert warning.startswith("Quality: none of 3 rounds passed; round 2 was kept: frozen_run: 47 frames in a row")
    assert "at most 21 allowed" in warning
    with stack.sessions() as session:
        assert session.get_one(Asset, best["asset_id"]).path == job["output_path"]


def test_a_run_killed_between_two_rounds_resumes_after_the_first(
    stack: RunningStack, comfy: FakeComfyUI, project_id: int
) -> None:
    comfy.misbehave(BlackPicture(), Slow(times=None, seconds_per_step=0.1))
    job_id = generate_integrated(stack, project_id, seed=9)["job_id"]
    first = stack.wait_for_job(job_id, lambda job: len(job["rounds"]) == 1)["rounds"][0]
    with stack.sessions() as session:
        run_id = session.get_one(ProductionJob, job_id).flow_run_id
    stack.kill_run(run_id)
    job = stack.wait_for_end(job_id)
    comfy.stop_misbehaving()
    assert (job["status"], job["attempt"]) == ("completed", 2), job["error"]
    assert (job["rounds"][0], [entry["passed"] for entry in job["rounds"]]) == (first, [False, True])
    assert list_renders(stack, job_id) == [(1, 1, "completed"), (2, 2, "completed")]
    assert list_verdicts(stack, job_id) == [(1, False), (2, True)]


def test_a_clip_of_another_length_is_a_round_without_a_take(
    stack: RunningStack, comfy: FakeComfyUI, project_id: int
) -> None:
    comfy.misbehave(WrongFrameCount(times=2))  # the engine itself tries twice
    job = stack.wait_for_end(generate_integrated(stack, project_id, seed=10)["job_id"])
    assert job["status"] == "completed", job["error"]
    first, second = job["rounds"]
    assert (first["asset_id"], first["score"], first["reason"]) == (None, 0, first["reason"])
    assert "47 frames instead of 48" in first["reason"]
    assert (second["passed"], second["changed"]) == (True, "the same again")


def test_a_command_to_the_director_ends_with_the_scene_showing_its_take(stack: RunningStack, project_id: int) -> None:
    url = stack.addresses.production_url
    village = {"project_id": project_id, "description": "Opening scene in the village", "characters": ["Elder"]}
    scene = patient.post(f"{url}/scenes", json=village).raise_for_status().json()
    how = {"scene_id": scene["id"], "duration": 1, "width": 256, "height": 256, "engine": "animatic"}
    request = {"project_id": project_id, "command": "generate_scene", "parameters": how}
    answer = patient.post(f"{url}/director/command", json=request).raise_for_status().json()
    job = stack.wait_for_end(answer["job_id"])
    assert (job["status"], [entry["passed"] for entry in job["rounds"]]) == ("completed", [True]), job["error"]
    shown_scene = patient.get(f"{url}/scenes/{scene['id']}").json()
    assert (shown_scene["status"], shown_scene["accepted_asset_id"]) == ("rendered", job["rounds"][0]["asset_id"])
    assert shown_scene["video_path"] == job["output_path"]
    assert _wait_for_log_state(stack, answer["log_id"]) == _wait_for_log_state(stack, answer["plan_id"]) == "completed"


def test_the_shell_makes_a_shot_for_a_project(stack: RunningStack, project_id: int) -> None:
    how = ("--project", str(project_id), "--duration", "1", "--size", "256x256", "--engine", "animatic", "--json")
    result = stack.run_tower("generate", "a quiet forest", *how)
    assert result.returncode == 0, result.stderr
    job = json.loads(result.stdout)
    assert (job["job_type"], job["project_id"], len(job["rounds"])) == ("integrated_generation", project_id, 1)


def _wait_for_log_state(stack: RunningStack, log_id: int) -> str:
    """The state of a row of the director's log once its job is settled."""
    deadline = time.monotonic() + 60
    while True:
        with stack.sessions() as session:
            state = session.get_one(EchoOrchestrationLog, log_id).state
        if state != PlanState.EXECUTING or time.monotonic() > deadline:
            return state.value
        time.sleep(0.2)
