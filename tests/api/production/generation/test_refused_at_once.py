"""What no ComfyUI of the studio can render is refused when it is asked for, on every path, and nothing is stored."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import func, select, update

from db.engine import SessionFactory
from db.models.jobs import JobStatus, ProductionJob
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule
from tests.api.api_factories import create_project, create_scene, require_success
from tests.api.api_requests import API_ROOT, insert_rendered_segment, update_job
from tests.api.small_servers import reserve_refusing_address
from tests.fakes.comfyui.server import FakeComfyUI
from tests.tower.engines.comfyui.comfyui_shots import DOCUMENTED_MODELS
from tower.batches.opening import open_batch
from tower.engines.comfyui.servers import ComfyUIServers
from tower.presets.defaults import DOCUMENTED_MODEL
from tower.quality.rounds import ROUND_STEPS, RoundResult
from tower.rendering.studio import Studio
from tower.settings import Settings

RECORDED = Path(__file__).parents[3] / "recordings" / "comfyui" / "workflows" / "ade_gen1_vhs_tiny.json"
SCENE_NUMBERS = count(1)
Ask = Callable[[TestClient, int, dict[str, Any]], Response]


@pytest.fixture(scope="module")
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(models=DOCUMENTED_MODELS) as started:
        yield started


@pytest.fixture
def client(app: FastAPI, api_database_url: str, comfy: FakeComfyUI) -> Iterator[TestClient]:
    """The service with a ComfyUI, and without a worker."""
    before: Settings = app.state.settings
    app.state.settings = before.model_copy(update={"comfyui_url": comfy.url})
    with TestClient(app) as client:
        yield client
    app.state.settings = before


def post(path: str) -> Ask:
    def ask(client: TestClient, project_id: int, fields: dict[str, Any]) -> Response:
        body = {"prompt": "a shrine", **fields}
        answer: Response = client.post(f"{API_ROOT}/{path.format(project_id=project_id)}", json=body)
        return answer

    return ask


def direct(command: str) -> Ask:
    def ask(client: TestClient, project_id: int, fields: dict[str, Any]) -> Response:
        number = next(SCENE_NUMBERS)
        scene = {"scene_id": create_scene(client, project_id, scene_number=number)["id"]}
        own = scene if command == "generate_scene" else {"prompt": "x"}
        body = {"project_id": project_id, "command": command, "parameters": {**own, **fields}}
        answer: Response = client.post(f"{API_ROOT}/director/command", json=body)
        return answer

    return ask


PATHS: dict[str, Ask] = {
    "standard": post("generate"),
    "fast": post("generate-fast"),
    "project": post("generate/project/{project_id}"),
    "command": post("projects/{project_id}/generate-from-command"),
    "director's video": direct("generate_video"),
    "director's scene": direct("generate_scene"),
}
every_path = pytest.mark.parametrize("path", PATHS)


def count_jobs(sessions: SessionFactory) -> int:
    with sessions() as session:
        return session.scalar(select(func.count(ProductionJob.id))) or 0


def refused(answer: Response) -> dict[str, Any]:
    assert answer.status_code == 422, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    return error


@every_path
def test_a_model_that_no_server_has_is_refused(client: TestClient, sessions: SessionFactory, path: str) -> None:
    project_id = create_project(client)
    error = refused(PATHS[path](client, project_id, {"model": "nowhere.safetensors"}))
    assert (error["details"]["field"], error["details"]["value"]) == ("model", "nowhere.safetensors")
    assert error["details"]["cause"] == "COMFYUI_MISSING_MODEL"
    assert "models/checkpoints" in error["message"]
    assert count_jobs(sessions) == 0
    assert PATHS[path](client, project_id, {}).status_code == 202
    assert count_jobs(sessions) == 1


@every_path
def test_a_workflow_for_pictures_is_refused_for_a_shot(client: TestClient, sessions: SessionFactory, path: str) -> None:
    error = refused(PATHS[path](client, create_project(client), {"workflow": "image"}))
    assert (error["details"]["field"], error["details"]["value"]) == ("workflow", "image")
    assert count_jobs(sessions) == 0


@every_path
def test_a_workflow_that_needs_a_reference_picture_is_refused_without_one(
    client: TestClient, sessions: SessionFactory, path: str
) -> None:
    error = refused(PATHS[path](client, create_project(client), {"workflow": "img2img_reference"}))
    assert error["details"]["cause"] == "COMFYUI_NO_REFERENCE"
    assert count_jobs(sessions) == 0


@every_path
def test_a_retry_is_refused_like_its_request_and_changes_nothing(
    client: TestClient, sessions: SessionFactory, path: str
) -> None:
    job_id = require_success(PATHS[path](client, create_project(client), {}), 202)["job_id"]
    end_job(sessions, job_id, model="nowhere.safetensors")
    before = client.get(f"{API_ROOT}/generation/{job_id}/status").json()
    error = refused(client.post(f"{API_ROOT}/generation/{job_id}/retry"))
    assert (error["details"]["field"], error["details"]["value"]) == ("model", "nowhere.safetensors")
    assert client.get(f"{API_ROOT}/generation/{job_id}/status").json() == before
    end_job(sessions, job_id, model=DOCUMENTED_MODEL)
    assert require_success(client.post(f"{API_ROOT}/generation/{job_id}/retry"))["status"] == "processing"


def test_a_retry_is_refused_for_a_style_or_project_that_is_gone(client: TestClient, sessions: SessionFactory) -> None:
    project_id = create_project(client)
    asked = {"prompt": "x", "engine": "animatic", "project_id": project_id}
    job_id = require_success(client.post(f"{API_ROOT}/generate", json=asked), 202)["job_id"]
    end_job(sessions, job_id, style="gone")
    assert refused(client.post(f"{API_ROOT}/generation/{job_id}/retry"))["details"]["field"] == "style"
    end_job(sessions, job_id, style="anime")
    require_success(client.delete(f"{API_ROOT}/projects/{project_id}"))
    assert refused(client.post(f"{API_ROOT}/generation/{job_id}/retry"))["details"]["field"] == "project_id"
    assert client.get(f"{API_ROOT}/generation/{job_id}/status").json()["status"] == "failed"


def test_a_retry_needs_no_model_for_what_is_rendered(client: TestClient, sessions: SessionFactory) -> None:
    asked = {"prompt": "x", "duration": 2, "force": True}
    job_id = require_success(client.post(f"{API_ROOT}/generate-fast", json=asked), 202)["job_id"]
    end_job(sessions, job_id, model="nowhere.safetensors")
    for number in (1, 2):
        refused(client.post(f"{API_ROOT}/generation/{job_id}/retry"))
        insert_rendered_segment(sessions, job_id, number)
    require_success(client.post(f"{API_ROOT}/generation/{job_id}/retry"))


def test_a_retry_needs_no_model_once_a_round_has_passed(client: TestClient, sessions: SessionFactory) -> None:
    answer = client.post(f"{API_ROOT}/generate/project/{create_project(client)}", json={"prompt": "x"})
    job_id = require_success(answer, 202)["job_id"]
    end_job(sessions, job_id, model="nowhere.safetensors")
    refused(client.post(f"{API_ROOT}/generation/{job_id}/retry"))
    passed = ROUND_STEPS[0].to_entry(RoundResult(1, asset_id=1, path="/x.mp4", score=8.0, passed=True, reason=None))
    with sessions.begin() as session:
        job = session.get_one(ProductionJob, job_id)
        job.steps = job.steps | passed
    require_success(client.post(f"{API_ROOT}/generation/{job_id}/retry"))


def end_job(sessions: SessionFactory, job_id: int, **parameters: Any) -> None:
    """Fail the job. `parameters` replace those of its request: what they name was there when it was opened."""
    with sessions() as session:
        kept = session.get_one(ProductionJob, job_id).parameters
    update_job(
        sessions,
        job_id,
        status=JobStatus.FAILED,
        error_code="RENDER_FAILED",
        error_message="The disk is full",
        launch_after=None,
        parameters={**kept, **parameters},
    )


def test_an_own_workflow_is_refused_for_what_the_server_takes_no_more(
    client: TestClient, comfy: FakeComfyUI, sessions: SessionFactory
) -> None:
    graph = json.loads(RECORDED.read_text())
    require_success(client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph}), 201)
    latent = comfy.object_info["EmptyLatentImage"]["input"]["required"]
    limits = copy.deepcopy(latent["batch_size"])
    latent["batch_size"][1]["max"] = 33
    try:
        for kind in ("generate", "generate-fast"):
            asked = {"prompt": "x", "workflow": "own", "duration": 2, "fps": 60}
            error = refused(client.post(f"{API_ROOT}/{kind}", json=asked))
            assert error["details"]["field"] == "duration"
            assert "at most 33 frames" in error["message"]
    finally:
        latent["batch_size"] = limits
    assert count_jobs(sessions) == 0


def test_a_stale_scene_that_cannot_be_rendered_is_listed_with_the_reason(
    client: TestClient, sessions: SessionFactory
) -> None:
    project_id = create_project(client)
    scene_id = create_scene(client, project_id)["id"]
    wish = {"quality": None, "overrides": {"model": "nowhere.safetensors"}}
    with sessions.begin() as session:
        accepted = {"accepted_fingerprint": "0" * 64, "accepted_inputs": {"wish": wish, "parts": {}}}
        session.execute(update(Scene).where(Scene.id == scene_id).values(accepted))
    answer = require_success(client.post(f"{API_ROOT}/projects/{project_id}/render-stale", json={}), 202)
    assert (answer["jobs"], count_jobs(sessions)) == ([], 0)
    [entry] = answer["cannot_render"]
    assert (entry["scene_id"], "nowhere.safetensors" in entry["message"]) == (scene_id, True)


def test_a_schedule_that_fires_without_the_model_fails_with_the_reason(
    client: TestClient, sessions: SessionFactory, comfy: FakeComfyUI
) -> None:
    project_id = create_project(client)
    body = {
        "project_id": project_id,
        "start_at": datetime.now(UTC).isoformat(),
        "scene_id": create_scene(client, project_id)["id"],
        "parameters": {"model": "nowhere.safetensors"},
    }
    require_success(client.post(f"{API_ROOT}/schedule", json=body), 201)
    servers = ComfyUIServers()
    open_batch(sessions, Studio(Settings(comfyui_url=comfy.url), servers))
    servers.close()
    with sessions() as session:
        [row] = session.scalars(select(ProductionSchedule)).all()
    assert (row.state, "nowhere.safetensors" in (row.error_message or "")) == ("failed", True)
    assert count_jobs(sessions) == 0


def test_without_a_server_that_answers_a_job_is_accepted_and_its_waiting_has_a_reason(
    app: FastAPI, api_database_url: str, sessions: SessionFactory
) -> None:
    before: Settings = app.state.settings
    with reserve_refusing_address() as refusing:
        app.state.settings = before.model_copy(update={"comfyui_url": refusing})
        with TestClient(app) as client:
            answer = client.post(f"{API_ROOT}/generate", json={"prompt": "x", "model": "nowhere.safetensors"})
            started = require_success(answer, 202)
            assert started["estimated_completion"] is None
            status = client.get(started["status_url"]).json()
    app.state.settings = before
    assert status["step"].startswith("waiting: ")  # no worker is there, and Prefect is away
