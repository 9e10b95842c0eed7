"""The recipients of messages over the fake's sockets, and the state that ends with its process, compared with
recordings.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError

from tests.fakes.comfyui import rig
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.replay import (
    ReplayClient,
    build_light_graph,
    load_exchange,
    load_transcript,
    read_until_idle,
    read_until_quiet,
    summarise,
    wait_for_event,
)
from tests.fakes.comfyui.server import FakeComfyUI


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(classes=rig.CLASSES, pace=RenderPace(rig_tick_s=0.03)) as started:
        yield started


def test_other_clients_receive_only_the_queue_length(client: ReplayClient) -> None:
    with client.open_socket("other") as other, client.open_socket() as nameless:
        client.wait_for_history(client.submit(build_light_graph(0.5), "me"))
        for socket, name in ((other, "other_client_sees"), (nameless, "socket_without_client_id")):
            messages, recorded = read_until_quiet(socket), load_transcript(name)
            assert [m["data"]["status"] for m in messages] == [m["data"]["status"] for m in recorded]
            assert messages[0]["data"]["sid"] == "other" or re.fullmatch("[0-9a-f]{32}", messages[0]["data"]["sid"])


def test_a_prompt_without_client_id_is_broadcast_as_recorded(client: ReplayClient) -> None:
    graph = build_light_graph(0.5)
    with client.open_socket("other") as other:
        client.wait_for_history(client.submit(graph))
        messages = read_until_quiet(other)
    assert summarise(messages, graph, set()) == summarise(
        load_transcript("prompt_without_client_id_seen_by_other_client"), graph, set()
    )


def test_a_second_socket_with_the_id_receives_nothing_after_the_first_closes(client: ReplayClient) -> None:
    with client.open_socket("me") as first, client.open_socket("me") as second:
        prompt_id = client.submit(build_light_graph(10.0), "me")
        wait_for_event(second, "progress", "2")
        first.close()
        client.wait_for_history(prompt_id)
        received = read_until_quiet(second)
        assert second.ping().wait(1), "it is still open"
    for messages in (received, load_transcript("two_sockets_same_client_id_second")):
        assert not {"execution_success", "executed"} & {message["type"] for message in messages}


def test_a_reconnect_during_a_run_receives_the_node_without_a_prompt_id(client: ReplayClient) -> None:
    with client.open_socket("me") as socket:
        prompt_id = client.submit(build_light_graph(10.0), "me")
        wait_for_event(socket, "progress", "2")
    time.sleep(0.05)
    with client.open_socket("me") as socket:
        messages = read_until_idle(socket)
    recorded = load_transcript("reconnect_same_client_id_mid_run")
    assert [(m["type"], m["data"].keys()) for m in messages[:2]] == [
        (m["type"], m["data"].keys()) for m in recorded[:2]
    ]
    assert [m["type"] for m in messages[-6:]] == [m["type"] for m in recorded[-6:]]
    with client.open_socket("me") as socket:
        late = read_until_quiet(socket)
    assert [m["type"] for m in late] == [m["type"] for m in load_transcript("reconnect_after_run_ended")]
    assert client.wait_for_history(prompt_id)["status"]["completed"]


def test_a_restart_loses_queue_and_history_as_recorded(comfy: FakeComfyUI, client: ReplayClient) -> None:
    recorded = load_exchange("restart_after_kill_9")
    prompt_id = client.submit(build_light_graph(0.5))
    client.wait_for_history(prompt_id)
    runs = client.submit(build_light_graph(60.0, 1))
    client.wait_for_start(runs)
    with client.open_socket("me") as socket:
        comfy.kill()
        with pytest.raises(ConnectionClosedError):
            read_until_quiet(socket)
        assert socket.protocol.close_code == recorded["ws_close"]["close_code"]
    with pytest.raises(httpx.ConnectError):
        client.http.get("/queue")
    comfy.start()
    after_restart = recorded["after_restart"]
    paths = {"queue": "/queue", "history_all": "/history", "history_of_running_id": f"/history/{runs}"}
    paths |= {"history_of_finished_id": f"/history/{prompt_id}", "job_of_running_id": f"/api/jobs/{runs}"}
    paths["jobs"] = "/api/jobs"
    answers = {name: client.http.get(path) for name, path in paths.items()}
    assert {n: {"status": a.status_code, "json": a.json()} for n, a in answers.items()} == after_restart
    answer = client.http.post("/prompt", json={"prompt": build_light_graph(0.5)}).json()
    assert answer["number"] == 0
    assert [submitted.prompt_id for submitted in comfy.prompts] == [prompt_id, runs, answer["prompt_id"]]


def test_a_dead_worker_thread_leaves_the_prompt_running(client: ReplayClient) -> None:
    recorded = load_exchange("worker_thread_dead")
    graph = recorded["queue"]["json"]["queue_running"][0][2]
    dead = client.submit(graph)
    client.wait_for_start(dead)
    client.submit(build_light_graph(0.5))
    client.http.post("/interrupt", json={"prompt_id": dead}).raise_for_status()
    time.sleep(0.2)
    queue = client.http.get("/queue").json()
    lengths = [recorded["queue_after_interrupt_running"], recorded["queue_after_interrupt_pending"]]
    assert [len(queue["queue_running"]), len(queue["queue_pending"])] == lengths
    assert client.http.get(f"/history/{dead}").json() == recorded["history"]["json"]
    assert client.http.get("/system_stats").status_code == recorded["system_stats_status"]
