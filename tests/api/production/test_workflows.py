"""Custom workflows: registered, checked if a ComfyUI answers, versioned, deleted."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from tests.api.api_requests import API_ROOT, status_and_code
from tests.api.small_servers import reserve_refusing_address
from tests.fakes.comfyui.server import FakeComfyUI
from tower.settings import Settings

RECORDED = Path(__file__).parents[2] / "recordings" / "comfyui" / "workflows" / "ade_gen1_vhs_tiny.json"


@pytest.fixture
def graph() -> dict[str, Any]:
    graph: dict[str, Any] = json.loads(RECORDED.read_text())
    return graph


@pytest.fixture(scope="module")
def comfyui() -> Iterator[FakeComfyUI]:
    with FakeComfyUI() as fake:
        yield fake


@pytest.fixture
def comfyui_client(api_database_url: str, comfyui: FakeComfyUI) -> Iterator[TestClient]:
    """The service with a ComfyUI."""
    with reserve_refusing_address() as prefect:
        settings = Settings(database_url=api_database_url, prefect_api_url=prefect, comfyui_url=comfyui.url)
        with TestClient(create_app(settings)) as client:
            yield client


def node_of(graph: dict[str, Any], class_type: str) -> str:
    return next(node for node, definition in graph.items() if definition["class_type"] == class_type)


def test_the_workflows_of_tower_are_listed_and_shown(client: TestClient) -> None:
    workflows = {workflow["name"]: workflow for workflow in client.get(f"{API_ROOT}/workflows").json()}
    assert {"animatediff", "core_video", "image", "img2img_reference", "anime_character_v2"} <= set(workflows)
    assert all(workflow["built_in"] for workflow in workflows.values())
    animatediff = client.get(f"{API_ROOT}/workflows/animatediff").json()
    assert animatediff["bindings"] == workflows["animatediff"]["bindings"]
    [seed] = animatediff["bindings"]["seed"]
    assert animatediff["graph"][seed["node"]]["class_type"] == "KSampler"


def test_the_example_in_openapi_is_accepted(comfyui_client: TestClient) -> None:
    [example] = comfyui_client.get("/openapi.json").json()["components"]["schemas"]["NewWorkflow"]["examples"]
    created = comfyui_client.post(f"{API_ROOT}/workflows", json=example).json()
    assert (created["checked"], set(created["bindings"])) == (True, {"reference", "prefix"})


def test_a_graph_is_checked_and_its_bindings_inferred(comfyui_client: TestClient, graph: dict[str, Any]) -> None:
    answer = comfyui_client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph, "description": "My own"})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["name"], body["version"], body["checked"], body["reason"]) == ("own", 1, True, None)
    assert body["bindings"]["seed"] == [{"node": node_of(graph, "KSampler"), "input": "seed"}]
    assert body["inferred"]["seed"]["why"]
    assert "reference" in body["not_inferred"]
    assert body["serves"].keys() == {"frames", "width", "height", "fps"}
    assert body["serves"]["width"].startswith("16 to 16384 pixels in steps of 8")
    assert comfyui_client.get(f"{API_ROOT}/workflows/own").json()["graph"] == graph
    entry = next(
        workflow for workflow in comfyui_client.get(f"{API_ROOT}/workflows").json() if workflow["name"] == "own"
    )
    assert (entry["built_in"], entry["description"]) == (False, "My own")


def test_given_bindings_win_over_the_inferred(comfyui_client: TestClient, graph: dict[str, Any]) -> None:
    sampler = node_of(graph, "KSampler")
    bindings = {"cfg": [{"node": sampler, "input": "denoise"}]}
    created = comfyui_client.post(
        f"{API_ROOT}/workflows", json={"name": "own", "graph": graph, "bindings": bindings}
    ).json()
    assert created["bindings"]["cfg"] == bindings["cfg"]
    assert created["bindings"]["steps"] == [{"node": sampler, "input": "steps"}]


def test_an_unrunnable_graph_is_refused_with_fixes(comfyui_client: TestClient, graph: dict[str, Any]) -> None:
    graph[node_of(graph, "KSampler")]["class_type"] = "NoSuchSampler"
    answer = comfyui_client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    details = answer.json()["error"]["details"]
    assert (details["field"], details["findings"][0]["code"]) == ("graph", "missing_node")
    assert all(finding["mend"] for finding in details["findings"])
    assert comfyui_client.get(f"{API_ROOT}/workflows/own").status_code == 404


def test_a_change_is_a_new_version_and_the_old_one_stays(comfyui_client: TestClient, graph: dict[str, Any]) -> None:
    changed = copy.deepcopy(graph)
    changed[node_of(graph, "KSampler")]["inputs"]["steps"] += 1
    versions = [
        comfyui_client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": node_graph}).json()["version"]
        for node_graph in (graph, graph, changed)
    ]
    assert versions == [1, 1, 2]
    assert comfyui_client.get(f"{API_ROOT}/workflows/own").json()["graph"] == changed
    assert comfyui_client.get(f"{API_ROOT}/workflows/own", params={"version": 1}).json()["graph"] == graph
    assert status_and_code(comfyui_client.get(f"{API_ROOT}/workflows/own", params={"version": 3})) == (404, "NOT_FOUND")
    assert comfyui_client.delete(f"{API_ROOT}/workflows/own").json() == {"name": "own", "deleted_versions": 2}
    assert status_and_code(comfyui_client.delete(f"{API_ROOT}/workflows/own")) == (404, "NOT_FOUND")


def test_without_comfyui_it_is_stored_unchecked_with_the_reason(client: TestClient, graph: dict[str, Any]) -> None:
    seed = [{"node": node_of(graph, "KSampler"), "input": "seed"}]
    body = {"name": "own", "graph": graph, "bindings": {"seed": seed}}
    created = client.post(f"{API_ROOT}/workflows", json=body).json()
    assert (created["checked"], created["bindings"], created["inferred"]) == (False, {"seed": seed}, {})
    assert "TOWER_COMFYUI_URL" in created["reason"]
    assert [warning["code"] for warning in created["warnings"]] == ["no_prompt"]


def test_a_silent_comfyui_leaves_it_unchecked(api_database_url: str, graph: dict[str, Any]) -> None:
    with reserve_refusing_address() as refusing_url:
        settings = Settings(database_url=api_database_url, prefect_api_url=refusing_url, comfyui_url=refusing_url)
        with TestClient(create_app(settings)) as client:
            created = client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph}).json()
    assert created["checked"] is False
    assert refusing_url in created["reason"]


def test_a_graph_that_takes_no_prompt_is_refused_unless_that_is_said(
    comfyui_client: TestClient, graph: dict[str, Any]
) -> None:
    sampler = graph[node_of(graph, "KSampler")]["inputs"]
    encoder = sampler["positive"][0]
    graph["30"] = {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": [encoder, 0]}}
    sampler["positive"] = ["30", 0]
    answer = comfyui_client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    error = answer.json()["error"]
    assert error["details"]["field"] == "bindings.prompt"
    for part in ("(KSampler)", "the wire ends at node 30 (ConditioningZeroOut)", "--bind prompt="):
        assert part in error["message"]
    said = {"name": "own", "graph": graph, "without_prompt": True}
    assert comfyui_client.post(f"{API_ROOT}/workflows", json=said).status_code == 201
    bound = {"name": "own", "graph": graph, "bindings": {"prompt": [{"node": encoder, "input": "text"}]}}
    assert comfyui_client.post(f"{API_ROOT}/workflows", json=bound).status_code == 201


def test_a_binding_to_an_input_that_the_node_lacks_is_refused(
    comfyui_client: TestClient, graph: dict[str, Any]
) -> None:
    bindings = {"cfg": [{"node": node_of(graph, "KSampler"), "input": "cgf"}]}
    answer = comfyui_client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph, "bindings": bindings})
    details = answer.json()["error"]["details"]
    assert (answer.status_code, details["field"], details["value"]) == (422, "bindings.cfg", "cgf")
    assert "cfg" in details["expected"]


def test_a_wrapped_graph_with_nodes_of_the_editor_is_stored_without_them(
    comfyui_client: TestClient, graph: dict[str, Any]
) -> None:
    noted = graph | {"90": {"class_type": "MarkdownNote", "inputs": {"text": "how to"}}}
    body = {"name": "own", "graph": {"prompt": noted, "client_id": "c"}}
    created = comfyui_client.post(f"{API_ROOT}/workflows", json=body).json()
    assert [warning["code"] for warning in created["warnings"]][:2] == ["unwrapped", "editor_node"]
    assert comfyui_client.get(f"{API_ROOT}/workflows/own").json()["graph"] == graph


def test_values_that_are_always_sent_and_those_with_a_default_may_be_missing(
    comfyui_client: TestClient, graph: dict[str, Any]
) -> None:
    sampler = graph[node_of(graph, "KSampler")]["inputs"]
    sampler["seed"] = -1
    del sampler["scheduler"], sampler["steps"]
    created = comfyui_client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph}).json()
    said = {warning["input"]: warning["message"] for warning in created["warnings"]}
    assert "the server's default 20 is used" in said["steps"]
    assert "the server's default 'simple' is used" in said["scheduler"]
    assert comfyui_client.get(f"{API_ROOT}/workflows/own").json()["graph"] == graph


def test_a_large_graph_is_refused_by_its_own_limit(client: TestClient, graph: dict[str, Any]) -> None:
    large = graph | {"90": {"class_type": "Text", "inputs": {"value": "x" * 1_500_000}}}
    assert client.post(f"{API_ROOT}/workflows", json={"name": "large", "graph": large}).status_code == 201
    large["90"]["inputs"]["more"] = "x" * 600_000
    answer = client.post(f"{API_ROOT}/workflows", json={"name": "large", "graph": large})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["expected"] == "at most 2000000 bytes"


@pytest.mark.parametrize("inputs", [[], None, "x", 1, [[]]])
def test_inputs_of_another_shape_are_refused(client: TestClient, inputs: object) -> None:
    graph = {"1": {"class_type": "SaveImage", "inputs": inputs}}
    answer = client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert "inputs of node 1" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "../etc"}, "name"),
        ({"name": ""}, "name"),
        ({"graph": {}}, "graph"),
        ({"graph": {"nodes": [], "links": []}}, "graph"),
        ({"graph": {"1": "text"}}, "graph"),
        ({"graph": []}, "graph"),
        ({"bindings": {"hat": []}}, "bindings"),
        ({"bindings": {"seed": [{"node": "99", "input": "seed"}]}}, "bindings.seed"),
        ({"bindings": {"seed": [{"node": "1"}]}}, "bindings.seed.0.input"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_odd_workflows_are_refused(
    client: TestClient, graph: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    answer = client.post(f"{API_ROOT}/workflows", json={"name": "own", "graph": graph, **change})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == field


def test_a_name_that_cannot_be_one_is_answered_with_one_that_can(client: TestClient, graph: dict[str, Any]) -> None:
    answer = client.post(f"{API_ROOT}/workflows", json={"name": "雨 v2", "graph": graph})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert "such as Yu_v2" in answer.json()["error"]["message"]


def test_built_in_workflows_cannot_be_changed(client: TestClient, graph: dict[str, Any]) -> None:
    assert status_and_code(client.post(f"{API_ROOT}/workflows", json={"name": "image", "graph": graph})) == (
        409,
        "CONFLICT",
    )
    assert status_and_code(client.delete(f"{API_ROOT}/workflows/image")) == (409, "CONFLICT")
