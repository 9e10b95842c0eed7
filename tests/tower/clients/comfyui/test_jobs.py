"""What the client reads out of recorded answers of a real server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.comfyui.replay import exchange
from tests.fakes.comfyui.setup import recorded
from tower.clients.comfyui.errors import Fault, refusal
from tower.clients.comfyui.jobs import Job, Where, in_queue, read_history, read_job, read_queue


def test_what_waits_is_read_in_the_order_in_which_it_will_run() -> None:
    queue = read_queue(recorded("queue_running_and_pending"))
    assert queue.running == ("c341778c-fe55-4d36-b1af-b5abacb7307a",)
    assert [waiting[:8] for waiting in queue.pending] == ["ca1cae39", "7a979b54", "f43e3dc5", "2f6a122e"]
    assert in_queue(queue, "f43e3dc5-6725-4eca-84d8-947269041b59") == Job(Where.QUEUED, ahead=3)
    assert in_queue(queue, "00000000-0000-4000-8000-000000000000") is None


def test_order_of_waiting_is_by_number_not_by_place() -> None:
    """What waits is a heap: only its first is where it belongs."""
    heap = [[-5, "first"], [9, "last"], [3, "second"], [10, "very last"]]
    pending = [[number, name, {}, {}, []] for number, name in heap]
    assert read_queue({"queue_running": [], "queue_pending": pending}).pending == (
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
def test_the_file_is_found_under_gifs_and_under_images(name: str, file: tuple[str, str, str]) -> None:
    job = read_history(_entry(name))
    assert job.where is Where.DONE
    assert [(found.filename, found.subfolder, found.type) for found in job.files] == [file]


@pytest.mark.parametrize(
    ("name", "fault", "says"),
    [
        ("history_error_oom", Fault.OOM, "CUDA out of memory"),
        ("history_error_memoryerror", Fault.OOM, "MemoryError"),
        ("history_error_runtime", Fault.FAILED, "rig: deliberate failure"),
        ("history_error_truncated_checkpoint", Fault.BAD_MODEL, "incomplete metadata"),
        ("history_error_ade_wrong_motion_file", Fault.BAD_MODEL, "not a valid SD1.5 nor SDXL motion module"),
        ("history_error_ade_context_length_36", Fault.FAILED, "upper limit of 32 frames"),
        ("history_savevideo_odd_size", Fault.FAILED, "avcodec_open2"),
    ],
)
def test_a_failure_is_one_line_with_node_and_class(name: str, fault: Fault, says: str) -> None:
    job = read_history(_entry(name))
    assert job.where is Where.FAILED
    assert job.failure is not None
    error = job.failure.error()
    assert error.fault is fault
    assert says in error.message
    assert f"node {job.failure.node} ({job.failure.node_class})" in error.message
    assert "\n" not in error.message


def test_an_interrupted_run_is_no_failure() -> None:
    assert read_history(_entry("history_interrupted_mid_sampling")).where is Where.INTERRUPTED


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("jobs_get_pending", Where.QUEUED),
        ("jobs_get_in_progress", Where.RUNNING),
        ("jobs_get_completed", Where.DONE),
        ("jobs_get_interrupted", Where.INTERRUPTED),
        ("jobs_error_oom", Where.FAILED),
    ],
)
def test_jobs_and_history_say_the_same(name: str, where: Where) -> None:
    assert read_job(recorded(name)).where is where


@pytest.mark.parametrize(
    ("name", "fault", "says"),
    [
        ("prompt_error_missing_checkpoint", Fault.MISSING_MODEL, "node 1 (CheckpointLoaderSimple): Value not in list"),
        ("prompt_error_missing_motion_model", Fault.MISSING_MODEL, "node 7 (ADE_AnimateDiffLoaderGen1)"),
        ("prompt_error_bad_sampler", Fault.REFUSED, "node 8 (KSampler)"),
        ("prompt_error_several", Fault.REFUSED, "(and 2 more)"),
        ("prompt_error_unknown_node_class", Fault.MISSING_NODE, "'AnimateDiff' not found"),
        ("prompt_error_bad_prompt_id", Fault.REFUSED, "prompt_id must be a valid UUID"),
        ("prompt_error_no_outputs", Fault.REFUSED, "Prompt has no outputs"),
        ("prompt_partially_valid", Fault.REFUSED, "node 20 (SaveImage): Required input is missing: filename_prefix"),
    ],
)
def test_a_refusal_names_node_class_and_reason(name: str, fault: Fault, says: str) -> None:
    said = exchange(name)
    error = refusal(said["json"], said["status"])
    assert error.fault is fault
    assert says in error.message


@pytest.mark.parametrize("body", [None, [], {}, {"error": "text"}, {"error": {"message": "m"}, "node_errors": []}])
def test_a_refusal_that_is_no_such_thing_is_still_one_sentence(body: Any) -> None:
    assert refusal(body, 400).message.startswith("ComfyUI refused the graph: ")


def _entry(name: str) -> dict[str, Any]:
    [entry] = recorded(name).values()
    return dict(entry)
