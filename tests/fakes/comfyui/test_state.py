"""Queue, interrupts, jobs and history of the fake, compared with the recordings."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.comfyui import rig
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.replay import (
    ReplayClient,
    build_light_graph,
    load_exchange,
    load_history,
    load_transcript,
    normalise,
    parse_message,
    read_until_idle,
    summarise,
    wait_for_event,
)
from tests.fakes.comfyui.server import FakeComfyUI


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(classes=rig.CLASSES, pace=RenderPace(rig_tick_s=0.03)) as started:
        yield started


def test_queue_runs_by_number_and_lists_as_recorded(client: ReplayClient) -> None:
    """Five prompts, the second deleted, the first interrupted, one in front, one numbered."""
    recorded = load_exchange("queue_running_and_pending")["json"]
    ids = [client.submit(build_light_graph(60.0))]
    client.wait_for_start(ids[0])
    ids += [
        client.submit(build_light_graph(0.5, 1)),
        client.submit(build_light_graph(0.5, 2)),
        client.submit(build_light_graph(0.5, 3), front=True),
    ]
    ids.append(client.submit(build_light_graph(0.5, 4), number=-1000.5))
    queue = client.http.get("/queue").json()
    assert [row[0] for row in sorted(queue["queue_pending"])] == [-1000.5, -3, 1, 2]
    assert [len(row) for row in queue["queue_pending"]] == [len(row) for row in recorded["queue_pending"]]
    assert {*queue["queue_pending"][0][3]} | {"client_id"} == {*recorded["queue_pending"][0][3]}
    client.http.post("/queue", json={"delete": [ids[1], ids[0]]}).raise_for_status()
    deleted = load_exchange("queue_delete_pending")["job_of_deleted"]
    assert client.http.get(f"/api/jobs/{ids[1]}").json() == deleted["json"]
    client.http.post("/interrupt", json={"prompt_id": ids[0]}).raise_for_status()
    client.wait_for_history(ids[2])
    assert [*client.http.get("/history").json()] == [ids[i] for i in (0, 4, 3, 2)]


def test_a_repeated_id_runs_twice_and_keeps_the_second_entry(client: ReplayClient) -> None:
    recorded, prompt_id = load_exchange("prompt_duplicate_prompt_id"), str(uuid.uuid4())
    for salt in (1, 2):
        assert client.submit(build_light_graph(5.0, salt), prompt_id=prompt_id) == prompt_id
    assert client.http.get("/prompt").json()["exec_info"]["queue_remaining"] == 2
    while client.http.get("/prompt").json()["exec_info"]["queue_remaining"]:
        time.sleep(0.01)
    entry = client.wait_for_history(prompt_id)
    second = recorded["history"]["json"][recorded["second"]["json"]["prompt_id"]]
    assert entry["prompt"][2]["2"]["inputs"]["salt"] == 2
    assert entry.keys() == second.keys()


@pytest.mark.parametrize(
    ("name", "salt", "interruptible"),
    [("history_interrupted", 1, True), ("history_interrupted_after_uninterruptible_node", 2, False)],
)
def test_interrupts_take_effect_at_ticks_and_node_starts(
    client: ReplayClient, name: str, salt: int, interruptible: bool
) -> None:
    recorded = load_history(name)
    with client.open_socket("me") as socket:
        prompt_id = client.submit(build_light_graph(20.0, salt, interruptible=interruptible), "me")
        wait_for_event(socket, "executing", "2")
    client.http.post("/interrupt", json={"prompt_id": str(uuid.uuid4())}).raise_for_status()
    client.http.post("/interrupt", json={"prompt_id": prompt_id}).raise_for_status()
    history = client.wait_for_history(prompt_id)
    assert normalise(history["status"]) == normalise(recorded["status"])
    assert history["outputs"] == recorded["outputs"]
    job = client.http.get(f"/api/jobs/{prompt_id}").json()
    assert job.keys() == load_exchange("jobs_get_interrupted")["json"].keys()
    assert job["status"] == "cancelled"


def test_an_interrupt_during_sampling_sends_the_recorded_messages() -> None:
    graph, recorded = (
        load_history("history_interrupted_mid_sampling")["prompt"][2],
        load_transcript("interrupt_mid_sampling"),
    )
    with FakeComfyUI(pace=RenderPace(per_step_s=0.4)) as comfy, ReplayClient(comfy.url).open_socket("me") as socket:
        client = ReplayClient(comfy.url)
        prompt_id = client.submit(graph, "me")
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["type"] != "progress":
            messages.append(parse_message(socket.recv(timeout=30)))
        client.http.post("/interrupt", json={"prompt_id": prompt_id}).raise_for_status()
        messages += read_until_idle(socket)
    cached = {*recorded[3]["data"]["nodes"]}
    assert summarise(messages, graph, cached) == summarise(recorded, graph, cached)


@pytest.mark.parametrize("kind", ["runtime", "oom", "memoryerror"])
def test_failed_jobs_equal_the_recordings(comfy: FakeComfyUI, client: ReplayClient, kind: str) -> None:
    recorded = load_exchange(f"jobs_error_{kind}")["json"]
    prompt_id = client.submit(recorded["workflow"]["prompt"])
    client.wait_for_history(prompt_id)
    job = client.http.get(f"/api/jobs/{prompt_id}").json()
    assert same_job(job, comfy) == same_job(recorded)


@pytest.mark.parametrize("name", ["jobs_get_completed", "jobs_get_with_extra_data"])
def test_completed_jobs_equal_the_recordings(comfy: FakeComfyUI, client: ReplayClient, name: str) -> None:
    recorded = load_exchange(name)["json"]
    workflow = recorded["workflow"]
    prompt_id = client.submit(workflow["prompt"], extra_data=workflow["extra_data"])
    client.wait_for_history(prompt_id)
    assert same_job(client.http.get(f"/api/jobs/{prompt_id}").json(), comfy) == same_job(recorded)


def same_job(job: dict[str, Any], comfy: FakeComfyUI | None = None) -> Any:
    job["workflow"]["extra_data"].pop("client_id", None)
    return normalise(job, comfy.output_folder.parent if comfy else None)


def test_waiting_and_running_jobs_are_listed_and_cancelled_as_recorded(client: ReplayClient) -> None:
    recorded = load_exchange("jobs_cancel")
    running_id, waiting_id = client.submit(build_light_graph(60.0)), client.submit(build_light_graph(0.5, 1))
    client.wait_for_start(running_id)
    for prompt_id, name in ((running_id, "jobs_get_in_progress"), (waiting_id, "jobs_get_pending")):
        job, known = client.http.get(f"/api/jobs/{prompt_id}").json(), load_exchange(name)["json"]
        assert (job.keys(), job["status"]) == (known.keys(), known["status"])
    page = client.http.get("/api/jobs", params={"status": "pending,in_progress", "limit": 1}).json()
    assert page["pagination"] == {"offset": 0, "limit": 1, "total": 2, "has_more": True}
    assert page["jobs"][0]["id"] == waiting_id
    for prompt_id, name in ((waiting_id, "cancel_pending"), (running_id, "cancel_running")):
        assert client.http.post(f"/api/jobs/{prompt_id}/cancel").json() == recorded[name]["json"]
    client.wait_for_history(running_id)
    assert client.http.post(f"/api/jobs/{running_id}/cancel").json() == recorded["cancel_finished"]["json"]
    assert client.http.get(f"/api/jobs/{waiting_id}").json() == recorded["job_of_cancelled_pending"]["json"]


def test_history_is_paged_and_can_be_deleted(client: ReplayClient) -> None:
    ids = [client.submit(build_light_graph(0.5, salt)) for salt in range(3)]
    client.wait_for_history(ids[-1])
    assert [*client.http.get("/history?max_items=2").json()] == ids[1:]
    client.http.post("/history", json={"delete": [ids[0]]}).raise_for_status()
    assert client.http.get(f"/history/{ids[0]}").json() == load_exchange("history_delete")["get_after"]["json"]
    client.http.post("/history", json={"clear": True}).raise_for_status()
    assert client.http.get("/history").json() == {}


def test_an_old_server_lacks_newer_features() -> None:
    with FakeComfyUI(version="0.3.40", classes=rig.CLASSES, pace=RenderPace(rig_tick_s=0.03)) as comfy:
        client = ReplayClient(comfy.url)
        assert client.http.get("/system_stats").json()["system"]["comfyui_version"] == "0.3.40"
        graph = build_light_graph(60.0)
        with client.open_socket("me") as socket:
            prompt_id = client.submit(graph, "me", prompt_id="my-shot-001")
            wait_for_event(socket, "progress", "2")
            assert client.http.get(f"/api/jobs/{prompt_id}").status_code == 404
            assert client.http.post(f"/api/jobs/{prompt_id}/cancel").status_code == 404
            client.http.post("/interrupt", json={"prompt_id": "of somebody else"})
            kinds = {message["type"] for message in read_until_idle(socket)}
    assert "execution_interrupted" in kinds
    assert "progress_state" not in kinds
