"""Every path that starts a generation obeys every production setting: of the request, the project and POST /config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from db.engine import SessionFactory
from db.models.jobs import ProductionJob
from db.models.scenes import Scene
from tests.api.api_factories import create_character, create_project, create_scene, require_success
from tests.api.api_requests import API_ROOT

Start = Callable[[TestClient, SessionFactory, int, dict[str, Any]], int]
PROJECT_SETTINGS = {
    "quality_preset": "fast_preview",
    "default_style": "realistic",
    "model": "project.safetensors",
    "workflow": "core_video",
    "fps": 12,
    "width": 640,
    "height": 384,
}
PROJECT_VALUES = {
    "quality": "fast_preview",
    "style": "realistic",
    "model": "project.safetensors",
    "workflow": "core_video",
    "fps": 12,
    "width": 640,
    "height": 384,
}
REQUESTED = {
    "quality": "low",
    "style": "artistic",
    "model": "requested.safetensors",
    "workflow": "image",
    "fps": 30,
    "width": 320,
    "height": 256,
    "steps": 7,
    "cfg": 2.5,
    "sampler": "uni_pc",
    "scheduler": "simple",
    "negative_prompt": "rain",
    "seed": 7,
    "duration": 2,
}


def _accepted_job_id(client: TestClient, path: str, body: dict[str, Any]) -> int:
    job_id: int = require_success(client.post(f"{API_ROOT}/{path}", json=body), 202)["job_id"]
    return job_id


def _generate(kind: str) -> Start:
    def start(client: TestClient, _: SessionFactory, project_id: int, settings: dict[str, Any]) -> int:
        create_character(client, project_id)
        body = {"prompt": "a shrine", "character": "Kai", "type": kind, "project_id": project_id, **settings}
        return _accepted_job_id(client, "generate", body)

    return start


def _generate_fast(client: TestClient, _: SessionFactory, project_id: int, settings: dict[str, Any]) -> int:
    return _accepted_job_id(client, "generate-fast", {"prompt": "a shrine", "project_id": project_id, **settings})


def _generate_for_project(client: TestClient, _: SessionFactory, project_id: int, settings: dict[str, Any]) -> int:
    return _accepted_job_id(client, f"generate/project/{project_id}", {"prompt": "a shrine", **settings})


def _generate_from_command(client: TestClient, _: SessionFactory, project_id: int, settings: dict[str, Any]) -> int:
    path = f"projects/{project_id}/generate-from-command"
    return _accepted_job_id(client, path, {"prompt": "a shrine", "characters": ["Kai"], **settings})


def _direct_video(client: TestClient, _: SessionFactory, project_id: int, settings: dict[str, Any]) -> int:
    body = {"project_id": project_id, "command": "generate_video", "parameters": {"prompt": "a shrine", **settings}}
    return _accepted_job_id(client, "director/command", body)


def _direct_scene(client: TestClient, _: SessionFactory, project_id: int, settings: dict[str, Any]) -> int:
    scene_id = create_scene(client, project_id)["id"]
    body = {"project_id": project_id, "command": "generate_scene", "parameters": {"scene_id": scene_id, **settings}}
    return _accepted_job_id(client, "director/command", body)


def _render_stale(client: TestClient, sessions: SessionFactory, project_id: int, settings: dict[str, Any]) -> int:
    """The take was accepted with these settings requested, and is lost."""
    scene_id = create_scene(client, project_id)["id"]
    overrides = {("duration_s" if name == "duration" else name): value for name, value in settings.items()}
    wish = {"quality": overrides.pop("quality", None), "overrides": overrides}
    with sessions.begin() as session:
        accepted = {"accepted_fingerprint": "0" * 64, "accepted_inputs": {"wish": wish, "parts": {}}}
        session.execute(update(Scene).where(Scene.id == scene_id).values(accepted))
    answer = client.post(f"{API_ROOT}/projects/{project_id}/render-stale", json={})
    [entry] = require_success(answer, 202)["jobs"]
    job_id: int = entry["job_id"]
    return job_id


PATHS: dict[str, Start] = {
    **{kind: _generate(kind) for kind in ("standard", "creative", "professional", "personal")},
    "fast": _generate_fast,
    "project": _generate_for_project,
    "command": _generate_from_command,
    "director's video": _direct_video,
    "director's scene": _direct_scene,
    "render-stale": _render_stale,
}
every_path = pytest.mark.parametrize("path", PATHS)


def _read(sessions: SessionFactory, client: TestClient, job_id: int) -> tuple[dict[str, Any], dict[str, str]]:
    """The parameters of the job, and the source of each."""
    with sessions() as session:
        parameters = session.get_one(ProductionJob, job_id).parameters
    return parameters, client.get(f"{API_ROOT}/generation/{job_id}/status").json()["parameter_sources"]


@every_path
def test_the_project_decides_what_the_request_leaves_open(
    client: TestClient, sessions: SessionFactory, path: str
) -> None:
    project_id = create_project(client, settings=PROJECT_SETTINGS)
    parameters, sources = _read(sessions, client, PATHS[path](client, sessions, project_id, {}))
    assert {name: parameters[name] for name in PROJECT_VALUES} == PROJECT_VALUES
    assert {sources[name] for name in PROJECT_VALUES} == {"project"}
    assert (parameters["duration_s"], sources["duration_s"]) == (3, "default")


@every_path
def test_the_request_takes_precedence(client: TestClient, sessions: SessionFactory, path: str) -> None:
    project_id = create_project(client, settings=PROJECT_SETTINGS)
    parameters, sources = _read(sessions, client, PATHS[path](client, sessions, project_id, REQUESTED))
    expected = {("duration_s" if name == "duration" else name): value for name, value in REQUESTED.items()}
    assert {name: parameters[name] for name in expected} == expected
    assert {sources[name] for name in expected} == {"request"}


@every_path
def test_the_configuration_decides_what_the_project_leaves_open(
    client: TestClient, sessions: SessionFactory, path: str
) -> None:
    configured = {"model": "configured.safetensors", "quality_preset": "fast_preview"}
    require_success(client.post(f"{API_ROOT}/config", json=configured))
    project_id = create_project(client)
    parameters, sources = _read(sessions, client, PATHS[path](client, sessions, project_id, {}))
    assert (parameters["model"], parameters["quality"]) == ("configured.safetensors", "fast_preview")
    assert (sources["model"], sources["quality"], sources["fps"]) == ("configuration", "configuration", "default")


@every_path
def test_the_defaults_decide_the_rest(client: TestClient, sessions: SessionFactory, path: str) -> None:
    parameters, sources = _read(sessions, client, PATHS[path](client, sessions, create_project(client), {}))
    expected = {"quality": "ultra_production", "fps": 24, "model": "counterfeit_v3.safetensors", "workflow": None}
    assert {name: parameters[name] for name in expected} == expected
    assert {sources[name] for name in expected} == {"default"}


def test_a_project_with_one_side_of_the_size_takes_the_other_from_the_preset(
    client: TestClient, sessions: SessionFactory
) -> None:
    project_id = create_project(client, settings={"width": 640, "quality_preset": "fast_preview"})
    parameters, _ = _read(sessions, client, _generate_for_project(client, sessions, project_id, {}))
    assert (parameters["width"], parameters["height"]) == (640, 768)


@pytest.mark.parametrize("path", ["standard", "fast", "personal"])
def test_the_parameters_of_a_status_can_be_requested_again(
    client: TestClient, sessions: SessionFactory, path: str
) -> None:
    project_id = create_project(client, settings=PROJECT_SETTINGS)
    parameters, _ = _read(sessions, client, PATHS[path](client, sessions, project_id, {}))
    url = f"{API_ROOT}/{'generate-fast' if path == 'fast' else 'generate'}"
    again = require_success(client.post(url, json=parameters), 202)["job_id"]
    assert _read(sessions, client, again)[0] == parameters


def test_a_new_project_sets_nothing(client: TestClient) -> None:
    settings = client.get(f"{API_ROOT}/projects/{create_project(client)}").json()["settings"]
    assert set(settings.values()) == {None}


@pytest.mark.parametrize("fps", [23.976, "24000/1001"])
@pytest.mark.parametrize("path", [path for path in PATHS if path != "render-stale"])
def test_a_rate_may_be_a_fraction(client: TestClient, sessions: SessionFactory, path: str, fps: float | str) -> None:
    project_id = create_project(client, settings={"fps": 25})
    parameters, _ = _read(sessions, client, PATHS[path](client, sessions, project_id, {"fps": fps}))
    assert parameters["fps"] == 24000 / 1001


def test_a_project_answers_whole_rates_as_before_and_fractions_as_a_number(client: TestClient) -> None:
    for given, answered in ((24, "24"), (24.0, "24"), ("24000/1001", str(24000 / 1001))):
        url = f"{API_ROOT}/projects/{create_project(client, settings={'fps': given})}"
        assert str(require_success(client.get(url))["settings"]["fps"]) == answered
