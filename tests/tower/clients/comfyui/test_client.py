"""The client with a server that answers as recorded."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.comfyui import rig
from tests.fakes.comfyui.misbehaviour import (
    DeadWorker,
    NodeErrors,
    PaddedFile,
    ProxyAnswer,
    ServerError,
    TruncatedDownload,
)
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.replay import load_workflow
from tests.fakes.comfyui.server import FakeComfyUI
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import OutputFile, PromptJob, PromptStatus
from tower.errors import InvalidError, NotFoundError

OLD = "0.3.40"
NOW = "0.33.0"
WAIT_S = 30


@pytest.fixture(params=[NOW, OLD])
def comfy(request: pytest.FixtureRequest) -> Iterator[FakeComfyUI]:
    pace = RenderPace(rig_tick_s=0.1)
    with FakeComfyUI(version=request.param, classes=rig.CLASSES, pace=pace, max_upload_bytes=100_000) as started:
        yield started


@pytest.fixture
def client(comfy: FakeComfyUI) -> Iterator[ComfyUIClient]:
    with ComfyUIClient(comfy.url, timeout_s=2) as connected:
        yield connected


def test_a_prompt_goes_from_unknown_through_the_queue_to_done(client: ComfyUIClient) -> None:
    first, second = _submit(client, seconds=2), _submit(client, seconds=0.5)
    assert client.get_job(str(uuid4())) == PromptJob(PromptStatus.UNKNOWN)
    _until(client, first, PromptStatus.RUNNING)
    assert client.get_job(second) == PromptJob(PromptStatus.QUEUED, prompts_ahead=1)
    done = _until(client, second, PromptStatus.DONE)
    assert [file.suffix for file in done.files] == [".png", ".png"]


def test_cancelling_a_waiting_prompt_removes_it(client: ComfyUIClient) -> None:
    running, waiting = _submit(client, seconds=5), _submit(client)
    assert client.cancel(waiting) == PromptJob(PromptStatus.UNKNOWN)
    _until(client, running, PromptStatus.RUNNING)
    assert client.get_queue().pending == ()
    assert client.cancel(running).status is PromptStatus.INTERRUPTED


def test_an_interrupt_is_only_sent_for_a_running_prompt(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    """On an old server, or without a prompt id, it would stop any running prompt."""
    running = _submit(client, seconds=5)
    _until(client, running, PromptStatus.RUNNING)
    assert client.cancel(str(uuid4())) == PromptJob(PromptStatus.UNKNOWN)
    assert ("POST", "/interrupt") not in comfy.requests
    assert client.cancel(running).status is PromptStatus.INTERRUPTED


def test_cancelling_an_ended_prompt_reports_how_it_ended(client: ComfyUIClient) -> None:
    prompt_id = _submit(client)
    _until(client, prompt_id, PromptStatus.DONE)
    assert client.cancel(prompt_id).status is PromptStatus.DONE


def test_a_prompt_that_does_not_stop_is_reported(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(DeadWorker(at="RigSleep"))
    stuck = _submit(client)
    _until(client, stuck, PromptStatus.RUNNING)
    with pytest.raises(ComfyUIError, match="did not stop") as error:
        client.cancel(stuck, timeout_s=0.5)
    assert error.value.fault is ComfyUIFault.STALLED


def test_a_dropped_output_is_a_refusal_and_the_rest_is_stopped(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(NodeErrors())
    prompt_id = str(uuid4())
    with pytest.raises(ComfyUIError, match=r"node 3 \(SaveImage\)"):
        client.submit(_graph(seconds=5), prompt_id, "tests")
    assert not client.get_job(prompt_id).is_live


def test_a_missing_node_class_is_reported_by_old_and_new_servers(client: ComfyUIClient) -> None:
    with pytest.raises(ComfyUIError) as error:
        client.submit({"1": {"class_type": "NoSuchNode", "inputs": {}}}, str(uuid4()), "tests")
    assert error.value.fault is ComfyUIFault.MISSING_NODE


def test_history_is_requested_for_one_id_only(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    prompt_id = _submit(client)
    _until(client, prompt_id, PromptStatus.DONE)
    assert client.get_history(prompt_id) == client.get_job(prompt_id)
    assert client.get_history(str(uuid4())) is None
    assert ("GET", "/history") not in comfy.requests


def test_an_upload_returns_the_name_to_use(comfy: FakeComfyUI, client: ComfyUIClient, tmp_path: Path) -> None:
    first_upload, second_upload = tmp_path / "one.png", tmp_path / "other.png"
    first_upload.write_bytes(b"one")
    second_upload.write_bytes(b"other")
    assert client.upload(first_upload, name="kai.png", subfolder="tower").input_value == "tower/kai.png"
    assert client.upload(first_upload, name="kai.png", subfolder="tower").input_value == "tower/kai.png"
    assert client.upload(second_upload, name="kai.png", subfolder="tower").input_value == "tower/kai (1).png"
    assert (comfy.input_folder / "tower" / "kai (1).png").read_bytes() == b"other"


def test_an_upload_that_is_too_large_is_refused(client: ComfyUIClient, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(b"0" * 200_000)
    with pytest.raises(ComfyUIError, match="too large") as error:
        client.upload(large, name="large.png")
    assert error.value.fault is ComfyUIFault.REFUSED


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_an_interrupted_download_resumes_and_is_complete(
    comfy: FakeComfyUI, client: ComfyUIClient, tmp_path: Path, share: float
) -> None:
    content = bytes(range(256)) * 4000
    (comfy.output_folder / "clip.mp4").write_bytes(content)
    comfy.misbehave(TruncatedDownload(share=share, times=2))
    progress: list[tuple[int, int]] = []
    target = tmp_path / "clip.mp4"
    client.download(_file("clip.mp4"), target, on_bytes=lambda *bytes_: progress.append(bytes_))
    assert target.read_bytes() == content
    assert progress[-1] == (len(content), len(content))
    assert list(tmp_path.iterdir()) == [target]


def test_a_download_without_progress_leaves_nothing(comfy: FakeComfyUI, client: ComfyUIClient, tmp_path: Path) -> None:
    (comfy.output_folder / "clip.mp4").write_bytes(b"0" * 1000)
    comfy.misbehave(TruncatedDownload(share=0.0, times=None))
    with pytest.raises(ComfyUIError) as error:
        client.download(_file("clip.mp4"), tmp_path / "clip.mp4")
    assert error.value.fault is ComfyUIFault.UNREACHABLE
    assert list(tmp_path.iterdir()) == []


def test_a_file_missing_on_the_server_is_an_error(client: ComfyUIClient, tmp_path: Path) -> None:
    with pytest.raises(ComfyUIError) as error:
        client.download(_file("nope.mp4"), tmp_path / "clip.mp4")
    assert error.value.fault is ComfyUIFault.NO_FILE
    assert list(tmp_path.iterdir()) == []


def test_a_large_download_takes_little_memory(tmp_path: Path) -> None:
    with FakeComfyUI() as comfy, ComfyUIClient(comfy.url) as client:
        comfy.misbehave(PaddedFile(file_bytes=50_000_000))
        prompt_id = str(uuid4())
        client.submit(load_workflow("ade_gen1_vhs_tiny"), prompt_id, "tests")
        [file] = _until(client, prompt_id, PromptStatus.DONE).files
        tracemalloc.start()
        client.download(file, tmp_path / "large.mp4")
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (tmp_path / "large.mp4").stat().st_size == 50_000_000
        assert peak_bytes < 25_000_000  # the fake's own buffers are in this process too


def test_models_are_listed_by_folder(client: ComfyUIClient) -> None:
    assert "counterfeit_v3.safetensors" in client.catalogue.list_models("checkpoints")
    with pytest.raises(NotFoundError):
        client.catalogue.list_models("nope_not_a_folder")


def test_node_classes_are_requested_once_and_cached(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    classes = client.catalogue.get_class_info(["KSampler", "VAEDecode", "NoSuchNode"])
    assert sorted(classes) == ["KSampler", "VAEDecode"]
    client.catalogue.get_class_info(["KSampler"])
    assert comfy.requests.count(("GET", "/object_info/KSampler")) == 1
    client.catalogue.clear_cache()
    client.catalogue.get_class_info(["KSampler"])
    assert comfy.requests.count(("GET", "/object_info/KSampler")) == 2
    assert len(client.catalogue.get_object_info()) > 200


def test_freeing_unloads_models_and_memory(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    client.free_memory()
    assert comfy.frees == [{"unload_models": True, "free_memory": True}]


def test_a_server_error_names_the_path(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(ServerError(path="/queue", status=502))
    with pytest.raises(ComfyUIError, match="502 to GET /queue") as error:
        client.get_queue()
    assert error.value.fault is ComfyUIFault.BROKEN


@pytest.mark.parametrize("form", ["html", "json", "list", "text", "empty"])
@pytest.mark.parametrize("status", [200, 400, 404, 429, 502])
def test_an_answer_of_a_proxy_is_no_answer(
    comfy: FakeComfyUI, client: ComfyUIClient, tmp_path: Path, status: int, form: str
) -> None:
    picture = tmp_path / "kai.png"
    picture.write_bytes(b"picture")
    requests: list[Callable[[], object]] = [
        lambda: client.get_job(str(uuid4())),
        lambda: client.get_history(str(uuid4())),
        lambda: client.submit(_graph(), str(uuid4()), "tests"),
        lambda: client.catalogue.get_class_info(["KSampler"]),
    ]
    if form != "empty":  # ComfyUI's own refusals of these have no body
        requests += [lambda: client.upload(picture, name="kai.png")]
        requests += [lambda: client.catalogue.list_models("vae")] if (status, form) != (200, "list") else []
    comfy.misbehave(ProxyAnswer(status=status, form=form, times=None))
    for request in requests:
        with pytest.raises(ComfyUIError) as error:
            request()
        assert error.value.is_temporary, request


@pytest.mark.parametrize(
    ("status", "form"), [(404, "html"), (404, "json"), (429, "empty"), (200, "html"), (200, "json")]
)
def test_a_file_that_a_proxy_does_not_deliver_is_not_missing(
    comfy: FakeComfyUI, client: ComfyUIClient, tmp_path: Path, status: int, form: str
) -> None:
    (comfy.output_folder / "clip.mp4").write_bytes(b"0" * 1000)
    comfy.misbehave(ProxyAnswer(path="/view", status=status, form=form))
    client.download(_file("clip.mp4"), tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").stat().st_size == 1000


def test_a_server_behind_a_password_says_so(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    for status in (401, 403):
        comfy.misbehave(ProxyAnswer(status=status, form="html"))
        with pytest.raises(ComfyUIError, match="asks for a password") as error:
            client.get_queue()
        assert error.value.fault is ComfyUIFault.LOCKED


def test_an_unreachable_server_is_reported_with_its_address() -> None:
    with ComfyUIClient("http://127.0.0.1:9", timeout_s=1) as client, pytest.raises(ComfyUIError) as error:
        client.get_queue()
    assert error.value.fault is ComfyUIFault.UNREACHABLE
    assert "http://127.0.0.1:9" in error.value.message


@pytest.mark.parametrize("url", ["127.0.0.1:8188", "ftp://gpu", "http://"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidError, match="ComfyUI URL"):
        ComfyUIClient(url)


def _graph(*, seconds: float = 0.5) -> dict[str, Any]:
    salt = uuid4().int % 2**31
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 16, "height": 16, "batch_size": 2, "color": salt % 2**24},
        },
        "2": {
            "class_type": "RigSleep",
            "inputs": {"images": ["1", 0], "seconds": seconds, "interruptible": True, "salt": salt},
        },
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "rig/light"}},
    }


def _submit(client: ComfyUIClient, *, seconds: float = 0.5) -> str:
    prompt_id = str(uuid4())
    client.submit(_graph(seconds=seconds), prompt_id, "tests")
    return prompt_id


def _until(client: ComfyUIClient, prompt_id: str, where: PromptStatus) -> PromptJob:
    deadline = time.monotonic() + WAIT_S
    while (job := client.get_job(prompt_id)).status is not where:
        assert time.monotonic() < deadline, f"{prompt_id} is {job.status} after {WAIT_S} s"
        time.sleep(0.01)
    return job


def _file(name: str) -> OutputFile:
    return OutputFile("1", name, "", "output")
