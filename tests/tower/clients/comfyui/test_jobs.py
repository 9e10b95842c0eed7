"""The client reads recorded answers of a real server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.comfyui.replay import load_exchange
from tests.fakes.comfyui.setup import load_recorded
from tower.clients.comfyui.errors import ComfyUIFault, parse_refusal
from tower.clients.comfyui.jobs import PromptJob, PromptStatus, find_in_queue, parse_history, parse_job, parse_queue


def test_waiting_prompts_are_listed_in_execution_order() -> None:
    queue = parse_queue(load_recorded("queue_running_and_pending"))
    assert queue.running == ("c341778c-fe55-4d36-b1af-b5abacb7307a",)
    assert [waiting[:8] for waiting in queue.pending] == ["ca1cae39", "7a979b54", "f43e3dc5", "2f6a122e"]
    assert find_in_queue(queue, "f43e3dc5-6725-4eca-84d8-947269041b59") == PromptJob(
        PromptStatus.QUEUED, prompts_ahead=3
    )
    assert find_in_queue(queue, "00000000-0000-4000-8000-000000000000") is None


def test_waiting_prompts_are_ordered_by_number_not_by_position() -> None:
    """The waiting list is a heap, so only its first item is in order."""
    heap = [[-5, "first"], [9, "last"], [3, "second"], [10, "very last"]]
    pending = [[number, name, {}, {}, []] for number, name in heap]
    assert parse_queue({"queue_running": [], "queue_pending": pending}).pending == (
        "first",
        "second",
        "last",
        "very last",
    )


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("history_success_vhs", ("vhslight_00001.mp4", "rig", "output")),
        ("history_success_savevideo", ("corelight_00001_.mp4", "rig", "output")),
        ("history_ade_gen1_vhs_full", ("shot_00002.mp4", "rig", "output")),
    ],
)
def test_files_are_found_under_gifs_and_under_images(name: str, file: tuple[str, str, str]) -> None:
    job = parse_history(_entry(name))
    assert job.status is PromptStatus.DONE
    assert [(file_info.filename, file_info.subfolder, file_info.type) for file_info in job.files] == [file]


@pytest.mark.parametrize(
    ("name", "fault", "message"),
    [
        ("history_error_oom", ComfyUIFault.OOM, "CUDA out of memory"),
        ("history_error_memoryerror", ComfyUIFault.OOM, "MemoryError"),
        ("history_error_runtime", ComfyUIFault.FAILED, "rig: deliberate failure"),
        ("history_error_truncated_checkpoint", ComfyUIFault.BAD_MODEL, "incomplete metadata"),
        ("history_error_ade_wrong_motion_file", ComfyUIFault.BAD_MODEL, "not a valid SD1.5 nor SDXL motion module"),
        ("history_error_ade_context_length_36", ComfyUIFault.FAILED, "upper limit of 32 frames"),
        ("history_savevideo_odd_size", ComfyUIFault.FAILED, "avcodec_open2"),
    ],
)
def test_a_failure_is_one_line_with_node_and_class(name: str, fault: ComfyUIFault, message: str) -> None:
    job = parse_history(_entry(name))
    assert job.status is PromptStatus.FAILED
    assert job.failure is not None
    error = job.failure.to_error()
    assert error.fault is fault
    assert message in error.message
    assert f"node {job.failure.node} ({job.failure.node_class})" in error.message
    assert "\n" not in error.message


def test_an_interrupted_run_is_not_a_failure() -> None:
    assert parse_history(_entry("history_interrupted_mid_sampling")).status is PromptStatus.INTERRUPTED


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("jobs_get_pending", PromptStatus.QUEUED),
        ("jobs_get_in_progress", PromptStatus.RUNNING),
        ("jobs_get_completed", PromptStatus.DONE),
        ("jobs_get_interrupted", PromptStatus.INTERRUPTED),
        ("jobs_error_oom", PromptStatus.FAILED),
    ],
)
def test_jobs_and_history_agree(name: str, where: PromptStatus) -> None:
    assert parse_job(load_recorded(name)).status is where


@pytest.mark.parametrize(
    ("name", "fault", "message"),
    [
        (
            "prompt_error_missing_checkpoint",
            ComfyUIFault.MISSING_MODEL,
            "node 1 (CheckpointLoaderSimple): Value not in list",
        ),
        ("prompt_error_missing_motion_model", ComfyUIFault.MISSING_MODEL, "node 7 (ADE_AnimateDiffLoaderGen1)"),
        ("prompt_error_bad_sampler", ComfyUIFault.REFUSED, "node 8 (KSampler)"),
        ("prompt_error_several", ComfyUIFault.REFUSED, "(and 2 more)"),
        ("prompt_error_unknown_node_class", ComfyUIFault.MISSING_NODE, "'AnimateDiff' not found"),
        ("prompt_error_bad_prompt_id", ComfyUIFault.REFUSED, "prompt_id must be a valid UUID"),
        ("prompt_error_no_outputs", ComfyUIFault.REFUSED, "Prompt has no outputs"),
        (
            "prompt_partially_valid",
            ComfyUIFault.REFUSED,
            "node 20 (SaveImage): Required input is missing: filename_prefix",
        ),
    ],
)
def test_a_refusal_names_node_class_and_reason(name: str, fault: ComfyUIFault, message: str) -> None:
    exchange = load_exchange(name)
    error = parse_refusal(exchange["json"], exchange["status"])
    assert error.fault is fault
    assert message in error.message


@pytest.mark.parametrize("body", [None, [], {}, {"error": "text"}, {"error": {"message": "m"}, "node_errors": []}])
def test_an_unexpected_refusal_is_still_one_sentence(body: Any) -> None:
    assert parse_refusal(body, 400).message.startswith("ComfyUI refused the graph: ")


def _entry(name: str) -> dict[str, Any]:
    [entry] = load_recorded(name).values()
    return dict(entry)
