"""The defaults of new generations: existing presets, and models that ComfyUI has or that cannot be checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from tests.api.api_requests import API_ROOT, start_generation, status_and_code
from tests.api.small_servers import reserve_refusing_address
from tests.fakes.comfyui.server import FakeComfyUI
from tower.settings import Settings

DOCUMENTED = {"model": "counterfeit_v3.safetensors", "quality_preset": "ultra_production"}


@pytest.fixture
def comfyui() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(models={"checkpoints": ["counterfeit_v3.safetensors"], "diffusion_models": ["wan.gguf"]}) as fake:
        yield fake


@pytest.fixture
def comfyui_client(api_database_url: str, comfyui: FakeComfyUI) -> Iterator[TestClient]:
    """The service with a ComfyUI."""
    with reserve_refusing_address() as prefect:
        settings = Settings(database_url=api_database_url, prefect_api_url=prefect, comfyui_url=comfyui.url)
        with TestClient(create_app(settings)) as client:
            yield client


def test_the_documented_defaults_apply_before_the_first_change(client: TestClient) -> None:
    configured = client.get(f"{API_ROOT}/config").json()
    assert {name: configured[name] for name in DOCUMENTED} == DOCUMENTED
    assert (configured["verified"], configured["updated_at"]) == (None, None)
    assert "it has not been set" in configured["reason"]


def test_a_documented_change_is_stored_unverified_without_comfyui(client: TestClient) -> None:
    answer = client.post(f"{API_ROOT}/config", json=DOCUMENTED)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in DOCUMENTED} == DOCUMENTED
    assert answer.json()["verified"] is False
    assert "TOWER_COMFYUI_URL" in answer.json()["reason"]
    assert client.get(f"{API_ROOT}/config").json() == answer.json()


def test_a_model_that_comfyui_has_is_verified_and_another_refused(comfyui_client: TestClient) -> None:
    for model in ("counterfeit_v3.safetensors", "wan.gguf"):
        answer = comfyui_client.post(f"{API_ROOT}/config", json={"model": model}).json()
        assert (answer["model"], answer["verified"], answer["reason"]) == (model, True, None)
    refused = comfyui_client.post(
        f"{API_ROOT}/config", json={"model": "nothing.ckpt", "quality_preset": "fast_preview"}
    )
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    details = refused.json()["error"]["details"]
    assert (details["field"], details["value"]) == ("model", "nothing.ckpt")
    assert "counterfeit_v3.safetensors" in details["expected"]
    configured = comfyui_client.get(f"{API_ROOT}/config").json()
    assert (configured["model"], configured["quality_preset"]) == ("wan.gguf", "ultra_production")


def test_a_silent_comfyui_leaves_the_model_unverified_with_the_reason(api_database_url: str) -> None:
    with reserve_refusing_address() as refusing_url:
        settings = Settings(database_url=api_database_url, prefect_api_url=refusing_url, comfyui_url=refusing_url)
        with TestClient(create_app(settings)) as client:
            answer = client.post(f"{API_ROOT}/config", json=DOCUMENTED).json()
    assert answer["verified"] is False
    assert refusing_url in answer["reason"]


def test_the_preset_and_the_model_change_independently(client: TestClient) -> None:
    client.post(f"{API_ROOT}/config", json={"model": "own.safetensors"})
    changed = client.post(f"{API_ROOT}/config", json={"quality_preset": "low"}).json()
    assert (changed["model"], changed["quality_preset"]) == ("own.safetensors", "fast_preview")
    assert (changed["preset"]["width"], changed["preset"]["steps"]) == (768, 20)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"quality_preset": "best"}, "quality_preset"),
        ({"quality_preset": 1}, "quality_preset"),
        ({"model": ""}, "model"),
        ({}, "body"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_odd_changes_are_refused(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.post(f"{API_ROOT}/config", json=body)
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == field


def test_presets_are_listed_with_their_figures_and_the_default(client: TestClient) -> None:
    client.post(f"{API_ROOT}/config", json={"quality_preset": "current_workflow"})
    presets = {preset["name"]: preset for preset in client.get(f"{API_ROOT}/quality-presets").json()["presets"]}
    assert set(presets) == {"ultra_production", "current_workflow", "fast_preview"}
    assert [name for name, preset in presets.items() if preset["default"]] == ["current_workflow"]
    assert presets["ultra_production"]["also_called"] == ["high"]
    assert (presets["current_workflow"]["steps"], presets["current_workflow"]["cfg"]) == (30, 8.0)


def test_new_generations_use_the_configured_preset_unless_they_name_one(client: TestClient) -> None:
    client.post(f"{API_ROOT}/config", json={"quality_preset": "fast_preview"})

    def quality(body: dict[str, Any]) -> str:
        parameters = client.get(start_generation(client, body)["status_url"]).json()["parameters"]
        return str(parameters["quality"])

    assert quality({"prompt": "test"}) == "fast_preview"
    assert quality({"prompt": "test", "quality": "high"}) == "high"
    fast = client.post(f"{API_ROOT}/generate-fast", json={"prompt": "test"}).json()
    assert client.get(fast["status_url"]).json()["parameters"]["quality"] == "fast_preview"
