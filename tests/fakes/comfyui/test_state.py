"""Queue, interrupts, jobs and history of the fake, beside the recordings."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.comfyui import rig
from tests.fakes.comfyui.nodes import Pace
from tests.fakes.comfyui.replay import (
    Client,
    exchange,
    history,
    light,
    listen_for,
    parsed,
    plain,
    told,
    transcript,
    until_idle,
)
from tests.fakes.comfyui.server import FakeComfyUI


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(classes=rig.CLASSES, pace=Pace(rig_tick_s=0.03)) as started:
        yield started


def test_queue_runs_by_number_and_lists_as_recorded(client: Client) -> None:
    """Five prompts, the second deleted, the first interrupted, one in front, one numbered."""
    recorded = exchange("queue_running_and_pending")["json"]
    ids = [client.submit(light(60.0))]
    client.started(ids[0])
    ids += [client.submit(light(0.5, 1)), client.submit(light(0.5, 2)), client.submit(light(0.5, 3), front=True)]
    ids.append(client.submit(light(0.5, 4), number=-1000.5))
    queue = client.http.get("/queue").json()
    assert [row[0] for row in sorted(queue["queue_pending"])] == [-1000.5, -3, 1, 2]
    assert [len(row) for row in queue["queue_pending"]] == [len(row) for row in recorded["queue_pending"]]
    assert {*queue["queue_pending"][0][3]} | {"client_id"} == {*recorded["queue_pending"][0][3]}
    client.http.post("/queue", json={"delete": [ids[1], ids[0]]}).raise_for_status()
    deleted = exchange("queue_delete_pending")["job_of_deleted"]
    assert client.http.get(f"/api/jobs/{ids[1]}").json() == deleted["json"]
    client.http.post("/interrupt", json={"prompt_id": ids[0]}).raise_for_status()
    client.ended(ids[2])
    assert [*client.http.get("/history").json()] == [ids[i] for i in (0, 4, 3, 2)]


def test_one_id_twice_runs_twice_and_keeps_the_second(client: Client) -> None:
    recorded, prompt_id = exchange("prompt_duplicate_prompt_id"), str(uuid.uuid4())
    for salt in (1, 2):
        assert client.submit(light(5.0, salt), prompt_id=prompt_id) == prompt_id
    assert client.http.get("/prompt").json()["exec_info"]["queue_remaining"] == 2
    while client.http.get("/prompt").json()["exec_info"]["queue_remaining"]:
        time.sleep(0.01)
    kept = client.ended(prompt_id)
    second = recorded["history"]["json"][recorded["second"]["json"]["prompt_id"]]
    assert kept["prompt"][2]["2"]["inputs"]["salt"] == 2
    assert kept.keys() == second.keys()


@pytest.mark.parametrize(
    ("name", "salt", "interruptible"),
    [("history_interrupted", 1, True), ("history_interrupted_after_uninterruptible_node", 2, False)],
)
def test_interrupts_are_seen_at_ticks_and_node_starts(
    client: Client, name: str, salt: int, interruptible: bool
) -> None:
    recorded = history(name)
    with client.socket("me") as socket:
        prompt_id = client.submit(light(20.0, salt, interruptible=interruptible), "me")
        listen_for(socket, "executing", "2")
    client.http.post("/interrupt", json={"prompt_id": str(uuid.uuid4())}).raise_for_status()
    client.http.post("/interrupt", json={"prompt_id": prompt_id}).raise_for_status()
    ended = client.ended(prompt_id)
    assert plain(ended["status"]) == plain(recorded["status"])
    assert ended["outputs"] == recorded["outputs"]
    job = client.http.get(f"/api/jobs/{prompt_id}").json()
    assert job.keys() == exchange("jobs_get_interrupted")["json"].keys()
    assert job["status"] == "cancelled"


def test_an_interrupt_in_mid_sampling_is_told_as_recorded() -> None:
    graph, recorded = history("history_interrupted_mid_sampling")["prompt"][2], transcript("interrupt_mid_sampling")
    with FakeComfyUI(pace=Pace(per_step_s=0.4)) as comfy, Client(comfy.url).socket("me") as socket:
        client = Client(comfy.url)
        prompt_id = client.submit(graph, "me")
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["type"] != "progress":
            messages.append(parsed(socket.recv(timeout=5)))
        client.http.post("/interrupt", json={"prompt_id": prompt_id}).raise_for_status()
        messages += until_idle(socket)
    cached = {*recorded[3]["data"]["nodes"]}
    assert told(messages, graph, cached) == told(recorded, graph, cached)


@pytest.mark.parametrize("kind", ["runtime", "oom", "memoryerror"])
def test_jobs_that_failed_are_shown_as_recorded(comfy: FakeComfyUI, client: Client, kind: str) -> None:
    recorded = exchange(f"jobs_error_{kind}")["json"]
    prompt_id = client.submit(recorded["workflow"]["prompt"])
    client.ended(prompt_id)
    shown = client.http.get(f"/api/jobs/{prompt_id}").json()
    assert same_job(shown, comfy) == same_job(recorded)


@pytest.mark.parametrize("name", ["jobs_get_completed", "jobs_get_with_extra_data"])
def test_jobs_that_ended_well_are_shown_as_recorded(comfy: FakeComfyUI, client: Client, name: str) -> None:
    recorded = exchange(name)["json"]
    workflow = recorded["workflow"]
    prompt_id = client.submit(workflow["prompt"], extra_data=workflow["extra_data"])
    client.ended(prompt_id)
    assert same_job(client.http.get(f"/api/jobs/{prompt_id}").json(), comfy) == same_job(recorded)


def same_job(job: dict[str, Any], comfy: FakeComfyUI | None = None) -> Any:
    job["workflow"]["extra_data"].pop("client_id", None)
    return plain(job, comfy.output_folder.parent if comfy else None)


def test_jobs_that_wait_and_run_are_listed_and_cancelled_as_recorded(client: Client) -> None:
    recorded = exchange("jobs_cancel")
    runs, waits = client.submit(light(60.0)), client.submit(light(0.5, 1))
    client.started(runs)
    for prompt_id, name in ((runs, "jobs_get_in_progress"), (waits, "jobs_get_pending")):
        shown, known = client.http.get(f"/api/jobs/{prompt_id}").json(), exchange(name)["json"]
        assert (shown.keys(), shown["status"]) == (known.keys(), known["status"])
    page = client.http.get("/api/jobs", params={"status": "pending,in_progress", "limit": 1}).json()
    assert page["pagination"] == {"offset": 0, "limit": 1, "total": 2, "has_more": True}
    assert page["jobs"][0]["id"] == waits
    for prompt_id, name in ((waits, "cancel_pending"), (runs, "cancel_running")):
        assert client.http.post(f"/api/jobs/{prompt_id}/cancel").json() == recorded[name]["json"]
    client.ended(runs)
    assert client.http.post(f"/api/jobs/{runs}/cancel").json() == recorded["cancel_finished"]["json"]
    assert client.http.get(f"/api/jobs/{waits}").json() == recorded["job_of_cancelled_pending"]["json"]


def test_history_is_paged_and_forgotten(client: Client) -> None:
    ids = [client.submit(light(0.5, salt)) for salt in range(3)]
    client.ended(ids[-1])
    assert [*client.http.get("/history?max_items=2").json()] == ids[1:]
    client.http.post("/history", json={"delete": [ids[0]]}).raise_for_status()
    assert client.http.get(f"/history/{ids[0]}").json() == exchange("history_delete")["get_after"]["json"]
    client.http.post("/history", json={"clear": True}).raise_for_status()
    assert client.http.get("/history").json() == {}


def test_an_old_server_lacks_what_came_later() -> None:
    with FakeComfyUI(version="0.3.40", classes=rig.CLASSES, pace=Pace(rig_tick_s=0.03)) as comfy:
        client = Client(comfy.url)
        assert client.http.get("/system_stats").json()["system"]["comfyui_version"] == "0.3.40"
        graph = light(60.0)
        with client.socket("me") as socket:
            prompt_id = client.submit(graph, "me", prompt_id="my-shot-001")
            listen_for(socket, "progress", "2")
            assert client.http.get(f"/api/jobs/{prompt_id}").status_code == 404
            assert client.http.post(f"/api/jobs/{prompt_id}/cancel").status_code == 404
            client.http.post("/interrupt", json={"prompt_id": "of somebody else"})
            kinds = {said["type"] for said in until_idle(socket)}
    assert "execution_interrupted" in kinds
    assert "progress_state" not in kinds
