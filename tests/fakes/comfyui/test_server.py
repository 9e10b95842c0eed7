"""The fake agrees with recordings of a real ComfyUI 0.33.0."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import av
import pytest

from tests.fakes.comfyui import rig
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.replay import (
    ReplayClient,
    list_recordings,
    load_exchange,
    load_history,
    load_transcript,
    load_workflow,
    normalise,
    summarise,
)
from tests.fakes.comfyui.server import FakeComfyUI

AT_REST = list_recordings(
    *("prompt_error_*", "prompt_vhs_frame_rate_zero", "prompt_get", "interrupt_*", "free_*", "queue_idle"),
    *("queue_clear", "queue_delete_unknown", "api_prefix_queue", "embeddings", "features", "system_stats", "models*"),
    *("object_info_*", "history_empty", "history_unknown_id", "jobs_bad_status", "jobs_list_empty", "jobs_unknown"),
    *("jobs_cancel_unknown", "jobs_cancel_batch_bad", "not_found_route", "view_abs*", "view_bad*", "view_encoded*"),
    *("view_missing", "view_no_filename", "view_subfolder_missing", "view_traversal*", "upload_no_file"),
)
ENDED = list_recordings(
    *("history_ade_*", "history_core_*", "history_error_*", "history_int_as_string", "history_partially_valid"),
    *("history_savevideo_*", "history_success_*", "history_unknown_extra_*", "history_vhs_*", "history_with_*"),
)
UNLIKE = {
    "history_vhs_prefix_date_tokens",  # It contains a date; tested below.
    "history_vhs_prefix_traversal",  # Its folder was removed from the recording.
}
RUNS = {  # transcript → history of the same prompt
    "ade_gen1_28_frames_context_24_4": "history_ade_gen1_28_frames_context_24_4",
    "ade_gen1_looped_windows_v2": "history_ade_gen1_looped_windows_v2",
    "ade_gen1_vhs_full": "history_ade_gen1_vhs_full",
    "ade_gen2_vhs": "history_ade_gen2_vhs",
    "core_savevideo_legacy_preview": "history_core_savevideo_legacy_preview",
    "error_ade_33_frames_without_context": "history_error_ade_33_frames_without_context",
    "error_ade_context_length_36": "history_error_ade_context_length_36",
    "error_ade_wrong_motion_file": "history_error_ade_wrong_motion_file",
    "error_memoryerror": "history_error_memoryerror",
    "error_oom": "history_error_oom",
    "error_runtime": "history_error_runtime",
    "error_truncated_checkpoint": "history_error_truncated_checkpoint",
    "light_savevideo": "history_success_savevideo",
    "light_success": "history_success_saveimage",
    "light_vhs": "history_success_vhs",
    "vhs_bad_pix_fmt_large_frames": "history_vhs_bad_pix_fmt_large_frames",
}
RIGGED: dict[str, Any] = {
    "classes": rig.CLASSES,
    "models": {"animatediff_models": ["not_a_motion_model.safetensors"]},
    "pace": RenderPace(rig_tick_s=0.005),
}


@pytest.fixture(scope="module")
def pristine() -> Iterator[ReplayClient]:
    """A server as recorded, on which no test renders."""
    with FakeComfyUI() as comfy:
        yield ReplayClient(comfy.url)


@pytest.fixture(scope="module")
def comfy() -> Iterator[FakeComfyUI]:
    """A server with the local nodes and files of the recordings."""
    with FakeComfyUI(**RIGGED) as started:
        (started.input_folder / "x.png").write_bytes(b"hello")
        yield started


@pytest.fixture(scope="module")
def client(comfy: FakeComfyUI) -> ReplayClient:
    return ReplayClient(comfy.url)


@pytest.mark.parametrize(
    "name", sorted({*AT_REST} - {"prompt_error_foreign_origin", "system_stats_with_models_loaded"})
)
def test_answers_without_a_run_equal_the_recordings(pristine: ReplayClient, name: str) -> None:
    recorded = load_exchange(name)
    request = recorded["request"]
    arguments = {"json": request["json"]} if "json" in request else {"content": request.get("raw")}
    answer = pristine.http.request(request["method"], request["path"], **arguments)
    assert answer.status_code == recorded["status"]
    if "json" in recorded:
        assert answer.headers["Content-Type"] == recorded["headers"]["Content-Type"]
        assert answer.json() == recorded["json"]
    else:
        assert answer.text == recorded.get("text", "")


def test_a_request_from_a_foreign_page_is_refused(pristine: ReplayClient) -> None:
    response = pristine.http.post("/prompt", json={"prompt": {}}, headers={"Origin": "http://evil.example"})
    recorded = load_exchange("prompt_error_foreign_origin")
    assert (response.status_code, len(response.content)) == (recorded["status"], recorded["body_bytes"])


@pytest.mark.parametrize("name", sorted({*ENDED} - UNLIKE))
def test_prompts_end_as_recorded(comfy: FakeComfyUI, client: ReplayClient, name: str) -> None:
    recorded = load_history(name)
    _, _, graph, extra_data, _ = recorded["prompt"]
    history = client.wait_for_history(client.submit(graph, extra_data=extra_data))
    history["prompt"][0] = recorded["prompt"][0]  # Its number in the queue.
    assert normalise(history, comfy.output_folder.parent) == normalise(recorded)
    root = comfy.output_folder
    files = [
        f
        for output in history["outputs"].values()
        for kind, files_of_kind in output.items()
        if kind != "animated"
        for f in files_of_kind
    ]
    exists = [(root.parent / f["type"] / f["subfolder"] / f["filename"]).is_file() for f in files]
    assert all(exists) == (name != "history_vhs_bad_pix_fmt")


def test_date_tokens_in_a_prefix_are_expanded_but_frontend_tokens_are_not(client: ReplayClient) -> None:
    recorded = load_history("history_vhs_prefix_date_tokens")
    file = client.wait_for_history(client.submit(recorded["prompt"][2]))["outputs"]["10"]["gifs"][0]
    year = str(time.localtime().tm_year)
    assert file["filename"] == recorded["outputs"]["10"]["gifs"][0]["filename"].replace("2026", year)
    assert file["subfolder"] == "rig/%date:yyyy-MM-dd%"


@pytest.mark.parametrize("name", RUNS)
def test_messages_of_runs_equal_the_recordings(client: ReplayClient, name: str) -> None:
    """Nodes that the real server had cached are left out of the fake's messages."""
    recorded, (_, _, graph, extra_data, _) = load_transcript(name), load_history(RUNS[name])["prompt"]
    extra_data_sent = {key: value for key, value in extra_data.items() if key == "preview_method"}
    client.http.post("/free", json={"free_memory": True}).raise_for_status()
    messages = client.run_and_listen(graph, metadata="full" in name, extra_data=extra_data_sent)
    cached = next(message["data"]["nodes"] for message in recorded if message["type"] == "execution_cached")
    assert summarise(messages, graph, {*cached}) == summarise(recorded, graph, {*cached})


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("light_identical_resubmit_cached", "history_cached_saveimage"),
        ("light_savevideo_identical_resubmit_cached", "history_cached_savevideo"),
        ("light_vhs_identical_resubmit_cached", "history_cached_vhs"),
        ("ade_gen1_vhs_identical_resubmit", "history_ade_gen1_vhs_identical_resubmit"),
    ],
)
def test_a_repeated_prompt_is_answered_from_the_cache(client: ReplayClient, name: str, sent: str) -> None:
    graph = load_history(sent)["prompt"][2]
    first, second = client.run_and_listen(graph), client.run_and_listen(graph)
    assert summarise(second, graph, set()) == summarise(load_transcript(name), graph, set())
    outputs = [[m["data"]["output"] for m in run if m["type"] == "executed"] for run in (first, second)]
    assert outputs[0] == outputs[1]


def test_a_change_in_the_save_node_reruns_only_that_node(client: ReplayClient) -> None:
    client.http.post("/free", json={"free_memory": True}).raise_for_status()
    client.run_and_listen(load_history("history_ade_gen1_vhs_full")["prompt"][2])
    graph = load_history("history_ade_gen1_vhs_only_crf_changed")["prompt"][2]
    recorded = load_transcript("ade_gen1_vhs_only_crf_changed")
    assert summarise(client.run_and_listen(graph), graph, set()) == summarise(recorded, graph, set())


def test_an_output_runs_as_early_as_possible(client: ReplayClient) -> None:
    """No recording has two outputs. The order follows the source of 0.33.0."""
    size = {"width": 8, "height": 8, "batch_size": 1}
    sources = {n: {"class_type": "EmptyImage", "inputs": {**size, "color": 77 + int(n)}} for n in "12"}
    saves = {
        save: {"class_type": "SaveImage", "inputs": {"images": [source, 0], "filename_prefix": "two"}}
        for save, source in (("3", "1"), ("4", "2"))
    }
    messages = client.run_and_listen({**sources, **saves})
    ran = [message["data"]["node"] for message in messages if message["type"] == "executing"]
    assert ran in (["1", "3", "2", "4", None], ["2", "4", "1", "3", None])


@pytest.mark.parametrize("name", list_recordings("video_probe_*"))
def test_files_have_the_recorded_properties(client: ReplayClient, name: str) -> None:
    recorded = load_exchange(name)
    outputs = client.wait_for_history(client.submit(load_history(name.replace("video_probe", "history"))["prompt"][2]))[
        "outputs"
    ]
    file = next(iter(next(iter(outputs.values())).values()))[0]
    content = client.view(file)
    assert file.keys() == recorded["file"].keys()
    assert content.headers["Content-Type"] == recorded["view_headers"]["Content-Type"]
    probed = probe(content.content)
    assert probed == {key: recorded["probe"][key] for key in probed}


def probe(content: bytes) -> dict[str, Any]:
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        return {
            "codec": context.name,
            "pix_fmt": context.pix_fmt,
            "width": context.width,
            "height": context.height,
            "average_rate": str(stream.average_rate),
            "time_base": str(stream.time_base),
            "frames_header": stream.frames,
            "frames_decoded": len(list(container.decode(stream))),
            "color_range": int(context.color_range),
            "colorspace": int(context.colorspace),
            "container": container.format.name,
        }


@pytest.mark.parametrize("size", [(65, 63), (64, 64)])
def test_vhs_pads_odd_sizes_to_even(client: ReplayClient, size: tuple[int, int]) -> None:
    graph = load_history("history_vhs_odd_size")["prompt"][2]
    graph["1"]["inputs"] |= {"width": size[0], "height": size[1]}
    file = client.wait_for_history(client.submit(graph))["outputs"]["10"]["gifs"][0]
    probed = probe(client.view(file).content)
    assert (probed["width"], probed["height"]) == (size[0] + size[0] % 2, size[1] + size[1] % 2)


@pytest.mark.parametrize("name", ["ade_gen1_vhs_tiny", "ade_gen2_vhs_tiny", "core_createvideo_savevideo_tiny"])
def test_a_removed_node_class_is_missing(name: str) -> None:
    graph = load_workflow(name)
    with FakeComfyUI(without=["KSampler"]) as comfy:
        answer = ReplayClient(comfy.url).http.post("/prompt", json={"prompt": graph})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "missing_node_type")
