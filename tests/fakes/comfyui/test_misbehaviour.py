"""Each misbehaviour has its documented effect, as often as documented."""

from __future__ import annotations

import io
import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import av
import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.conftest import find_free_port
from tests.fakes.comfyui import misbehaviour as bad
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.replay import ReplayClient, load_workflow, read_until_idle, read_until_quiet
from tests.fakes.comfyui.server import FakeComfyUI

GRAPH = "ade_gen1_vhs_tiny"


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(pace=RenderPace(per_step_s=0.03)) as started:
        yield started


def shot(seed: int = 1, *, frames: int = 8, side: int = 64, context: int = 24) -> dict[str, Any]:
    graph = load_workflow(GRAPH)
    graph["5"]["inputs"] |= {"batch_size": frames, "width": side, "height": side}
    graph["6"]["inputs"]["context_length"] = context
    graph["8"]["inputs"]["seed"] = seed
    return graph


def rendered(client: ReplayClient, seed: int = 1) -> dict[str, Any]:
    """The file that a render reports."""
    history = client.wait_for_history(client.submit(shot(seed)))
    assert history["status"]["completed"]
    file: dict[str, Any] = history["outputs"]["10"]["gifs"][0]
    return file


def failure(client: ReplayClient, graph: dict[str, Any]) -> dict[str, Any] | None:
    """The data of the run's execution_error; None if the run succeeded."""
    kind, data = client.wait_for_history(client.submit(graph))["status"]["messages"][-1]
    return data if kind == "execution_error" else None


def pictures(content: bytes) -> list[Any]:
    with av.open(io.BytesIO(content), "r") as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def test_silent_socket_gets_one_message_and_stays_open(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.SilentSocket())
    with client.open_socket("me") as socket:
        client.wait_for_history(client.submit(shot(), "me"))
        assert [message["type"] for message in read_until_quiet(socket)] == ["status"]
        socket.ping().wait(1)
    with client.open_socket("me") as socket:
        client.submit(shot(2), "me")
        assert read_until_idle(socket)


def test_dropped_socket_breaks_during_the_run_and_the_run_continues(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.SocketDropped(at_step=1))
    with client.open_socket("me") as socket:
        prompt_id = client.submit(shot(), "me")
        with pytest.raises(ConnectionClosedError):
            read_until_idle(socket)
    assert client.wait_for_history(prompt_id)["status"]["completed"]


def test_refused_socket_is_a_403(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.SocketRefused())
    with pytest.raises(InvalidStatus, match="403"):
        client.open_socket("me")
    client.open_socket("me").close()


def test_node_errors_come_with_status_200_and_the_output_is_missing(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.NodeErrors())
    answer = client.http.post("/prompt", json={"prompt": shot()})
    assert (answer.status_code, [*answer.json()["node_errors"]]) == (200, ["10"])
    history = client.wait_for_history(answer.json()["prompt_id"])
    assert (history["status"]["status_str"], history["outputs"]) == ("success", {})


@pytest.mark.parametrize("kind", [bad.SuccessWithoutFile(), bad.CachedFileGone()])
def test_success_may_name_a_missing_file(comfy: FakeComfyUI, client: ReplayClient, kind: bad.Misbehaviour) -> None:
    comfy.misbehave(kind)
    assert client.view(rendered(client)).status_code == 404
    assert client.view(rendered(client, 2)).status_code == 200


def test_a_restart_during_a_run_forgets_the_prompt(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.RestartMidRun(down_s=0.5))
    with client.open_socket("me") as socket:
        prompt_id = client.submit(shot(), "me")
        with pytest.raises(ConnectionClosedError):
            read_until_idle(socket)
    with pytest.raises(httpx.ConnectError):
        client.http.get("/queue")
    _when_up(client)
    assert client.http.get("/queue").json() == {"queue_running": [], "queue_pending": []}
    assert client.http.get(f"/history/{prompt_id}").json() == {}
    assert client.view(rendered(client)).status_code == 200


def test_dead_worker_needs_a_restart(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.DeadWorker())
    prompt_id = client.submit(shot())
    client.wait_for_start(prompt_id)
    client.http.post("/interrupt", json={"prompt_id": prompt_id})
    time.sleep(0.2)
    assert client.http.get(f"/api/jobs/{prompt_id}").json()["status"] == "in_progress"
    comfy.restart()
    assert rendered(client)


def test_out_of_memory_for_the_first_prompts(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.OutOfMemory(times=2))
    failures = [failure(client, shot(seed)) for seed in range(3)]
    assert [error and (error["exception_type"], error["node_type"]) for error in failures] == [
        ("torch.OutOfMemoryError", "KSampler"),
        ("torch.OutOfMemoryError", "KSampler"),
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "small"),
    [
        (bad.OutOfMemory(times=None, above_frames=12), {"frames": 12}),
        (bad.OutOfMemory(times=None, above_context=12), {"context": 12}),
        (bad.OutOfMemory(times=None, above_pixels=64 * 64), {"side": 64}),
    ],
)
def test_out_of_memory_above_a_size(
    comfy: FakeComfyUI, client: ReplayClient, kind: bad.Misbehaviour, small: dict[str, int]
) -> None:
    comfy.misbehave(kind)
    large = {"frames": 16, "context": 16, "side": 128}
    assert failure(client, shot(**large))
    assert not failure(client, shot(**large | small))


def test_out_of_memory_until_models_are_unloaded(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.OutOfMemory(times=None, until_freed=True))
    assert failure(client, shot())
    client.http.post("/free", json={"unload_models": True, "free_memory": True}).raise_for_status()
    assert not failure(client, shot())
    assert comfy.frees == [{"unload_models": True, "free_memory": True}]


def test_a_failing_node_reports_its_own_message(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.NodeFails(at="VAEDecode", exception_type="ValueError", message="no such latent"))
    error = failure(client, shot())
    assert error is not None
    assert (error["node_id"], error["node_type"], error["exception_message"]) == ("9", "VAEDecode", "no such latent")
    assert not failure(client, shot())


def test_slow_takes_longer_per_step(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.Slow(seconds_per_step=0.2))
    started = time.monotonic()
    rendered(client)
    assert time.monotonic() - started >= 0.4


def test_server_errors_queue_nothing(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.ServerError(), bad.ServerError(path="/view", status=503))
    assert client.http.post("/api/prompt", json={"prompt": shot()}).status_code == 500
    assert not comfy.prompts
    file = rendered(client)
    assert [client.view(file).status_code for _ in range(2)] == [503, 200]


def test_a_timeout_after_accepting_renders_anyway(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.TimeoutAfterAccepting(), bad.TimeoutAfterAccepting(answer_after_s=0.1))
    prompt_id = "77824864-185c-4f31-8f2c-f72b1d06af5b"
    body = {"prompt": shot(), "prompt_id": prompt_id}
    with pytest.raises(httpx.ReadTimeout):
        client.http.post("/prompt", json=body, timeout=0.2)
    assert client.wait_for_history(prompt_id)["status"]["completed"]
    assert client.http.post("/prompt", json=body).json()["prompt_id"] == prompt_id
    assert len(comfy.prompts) == 2


def test_a_hanging_path_does_not_answer(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.Hangs(path="/system_stats"))
    with pytest.raises(httpx.ReadTimeout):
        client.http.get("/system_stats", timeout=0.1)
    assert client.http.get("/system_stats").status_code == 200


def test_truncated_download_breaks_off(comfy: FakeComfyUI, client: ReplayClient) -> None:
    file = rendered(client)
    comfy.misbehave(bad.TruncatedDownload(share=0.5))
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.http.stream(
            "GET", "/view", params={key: file[key] for key in ("filename", "subfolder", "type")}
        ) as answer,
    ):
        answer.read()
    assert len(client.view(file).content) == len((comfy.output_folder / "rig" / file["filename"]).read_bytes())


def test_files_that_differ_from_the_request(comfy: FakeComfyUI, client: ReplayClient) -> None:
    good = client.view(rendered(client)).content
    comfy.misbehave(bad.ShortFile(share=0.5))
    short = client.view(rendered(client, 2))
    assert int(short.headers["Content-Length"]) == len(short.content)
    assert len(short.content) < len(good)
    comfy.misbehave(bad.WrongFrameCount(by=-1))
    assert len(pictures(client.view(rendered(client, 3)).content)) == len(pictures(good)) - 1
    comfy.misbehave(bad.GarbageFile())
    with pytest.raises(av.error.InvalidDataError):
        pictures(client.view(rendered(client, 4)).content)
    comfy.misbehave(bad.BlackPicture())
    assert max(int(picture.max()) for picture in pictures(client.view(rendered(client, 5)).content)) <= 16
    comfy.misbehave(bad.FrozenPicture())
    frozen = pictures(client.view(rendered(client, 7)).content)
    assert (len(frozen), max(int(abs(frame.astype(int) - frozen[0]).max()) for frame in frozen) <= 4) == (8, True)
    comfy.misbehave(bad.PaddedFile(file_bytes=300_000))
    padded = client.view(rendered(client, 6)).content
    assert (len(padded), len(pictures(padded))) == (300_000, 8)


def test_an_interrupt_may_take_effect_too_late(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.InterruptTooLate(), bad.Slow(seconds_per_step=0.3))
    prompt_id = client.submit(shot())
    client.wait_for_start(prompt_id)
    client.http.post("/interrupt", json={"prompt_id": prompt_id}).raise_for_status()
    assert client.wait_for_history(prompt_id)["status"]["status_str"] == "success"


def test_history_may_be_late(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.LateHistory(by_s=0.5))
    with client.open_socket("me") as socket:
        prompt_id = client.submit(shot(), "me")
        while json.loads(socket.recv(timeout=30))["type"] != "execution_success":
            pass
        assert client.http.get(f"/history/{prompt_id}").json() == {}
        assert client.wait_for_history(prompt_id)["status"]["completed"]


def test_previews_are_sent_without_a_request(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.Previews())
    kinds = [message.get("event") for message in client.run_and_listen(shot()) if message["type"] == "binary"]
    assert kinds == [1, 1]


def test_stopping_ends_all_misbehaviour(comfy: FakeComfyUI, client: ReplayClient) -> None:
    comfy.misbehave(bad.OutOfMemory(times=None), bad.ServerError(times=None))
    comfy.stop_misbehaving()
    assert not failure(client, shot())


def test_pictures_move_and_depend_on_the_seed(client: ReplayClient) -> None:
    first, same_seed, other = (pictures(client.view(rendered(client, seed)).content) for seed in (1, 1, 2))
    assert np.array_equal(first, same_seed)
    assert not np.array_equal(first, other)
    changes = [np.abs(np.subtract(a, b, dtype=int)).mean() for a, b in itertools.pairwise(first)]
    assert min(changes) > 1


def test_names_are_read_from_the_command_line() -> None:
    assert bad.parse_misbehaviour("out-of-memory:times=none,above_frames=24,until_freed=true") == bad.OutOfMemory(
        times=None, above_frames=24, until_freed=True
    )
    assert bad.parse_misbehaviour("timeout-after-accepting:answer_after_s=2") == bad.TimeoutAfterAccepting(
        answer_after_s=2.0
    )
    assert bad.parse_misbehaviour("node-fails:at=VAEDecode") == bad.NodeFails(at="VAEDecode")
    with pytest.raises(ValueError, match="no setting width; it has times, above_frames"):
        bad.parse_misbehaviour("out-of-memory:width=64")


def test_several_fakes_run_as_separate_processes() -> None:
    ports = find_free_port(), find_free_port()
    options = ["--seconds-per-frame", "0.01", "--misbehave", "server-error"]
    command = [sys.executable, "-m", "tests.fakes.comfyui.server", *options]
    started = [subprocess.Popen([*command, "--port", str(port)]) for port in ports]
    try:
        clients = [ReplayClient(f"http://127.0.0.1:{port}") for port in ports]
        for client in clients:
            _when_up(client)
            assert client.http.post("/prompt", json={"prompt": shot()}).status_code == 500
        submitted_at = time.monotonic()
        ids = [client.submit(shot(frames=40)) for client in clients]
        for client, prompt_id in zip(clients, ids, strict=True):
            assert client.wait_for_history(prompt_id)["status"]["completed"]
        assert time.monotonic() - submitted_at >= 0.4
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(5) for process in started] == [0, 0]


def _when_up(client: ReplayClient) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            client.http.get("/system_stats")
        except httpx.ConnectError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
