"""A shot in segments of a second: rendered, joined to the exact frame, repaired after failures."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.models.rendering import Asset, RenderSegment, SegmentState
from tests.e2e.conftest import RunningStack
from tower.clients.production import END_STATUSES
from tower.media.probe import probe

pytestmark = pytest.mark.e2e
SECONDS = 3
SHOT = {"prompt": "a lantern on the river", "duration": SECONDS, "width": 256, "height": 256, "engine": "animatic"}


@pytest.fixture(scope="module")
def observed_statuses(stack: RunningStack) -> list[dict[str, Any]]:
    """The answer to the request, then each changed status until the end."""
    statuses = [stack.api.generate(SHOT, fast=True)]
    deadline = time.monotonic() + 300
    while statuses[-1]["status"] not in END_STATUSES:
        assert time.monotonic() < deadline, statuses[-1]
        status = stack.api.get_status(statuses[0]["job_id"])
        if len(statuses) == 1 or status != statuses[-1]:
            statuses.append(status)
        time.sleep(0.05)
    return statuses


def rows(stack: RunningStack, job_id: int) -> list[RenderSegment]:
    """Every attempt at every segment."""
    in_order = select(RenderSegment).filter_by(job_id=job_id).order_by(RenderSegment.segment, RenderSegment.attempt)
    with stack.sessions() as session:
        return list(session.scalars(in_order))


def row_in(stack: RunningStack, job_id: int, segment: int, state: SegmentState) -> RenderSegment:
    """Wait for the first attempt at this segment to reach this state."""
    deadline = time.monotonic() + 300
    while True:
        for row in rows(stack, job_id):
            if (row.segment, row.state) == (segment, state):
                return row
        assert time.monotonic() < deadline, f"segment {segment} is not {state}: {rows(stack, job_id)}"
        time.sleep(0.02)


def test_a_job_is_planned_at_once_and_waits_for_its_segments(observed_statuses: list[dict[str, Any]]) -> None:
    answer = observed_statuses[0]
    assert (answer["status"], answer["total_segments"], answer["job_type"]) == (
        "segments_queued",
        SECONDS,
        "fast_video_generation",
    )
    assert [(task["segment"], task["start_frame"], task["frames"]) for task in answer["segment_tasks"]] == [
        (1, 0, 28),
        (2, 24, 28),
        (3, 48, 24),
    ]


def test_a_job_goes_from_queued_through_processing_to_completed(observed_statuses: list[dict[str, Any]]) -> None:
    order = list(dict.fromkeys(status["status"] for status in observed_statuses))
    assert order == ["segments_queued", "processing", "completed"]
    progress = [status["progress"] for status in observed_statuses[1:]]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_every_segment_is_in_exactly_one_list_until_all_are_completed(observed_statuses: list[dict[str, Any]]) -> None:
    segments = list(range(1, SECONDS + 1))
    for status in observed_statuses[1:]:
        lists = ("segments_completed", "segments_failed", "segments_processing")
        assert sorted(number for name in lists for number in status[name]) == segments
    finished = [len(status["segments_completed"]) for status in observed_statuses[1:]]
    assert finished == sorted(finished)
    assert set(finished) == {0, *segments}
    assert observed_statuses[-1]["segments_completed"] == segments


def test_the_film_has_exactly_the_requested_frames(observed_statuses: list[dict[str, Any]]) -> None:
    info = probe(Path(observed_statuses[-1]["output_path"]))
    assert (info.frames, info.width, info.height, float(info.fps)) == (SECONDS * 24, 256, 256, 24.0)


def test_only_a_segment_with_a_killed_run_is_rendered_again(stack: RunningStack) -> None:
    job_id = stack.api.generate({**SHOT, "width": 512, "height": 512}, fast=True)["job_id"]
    killed_attempt = row_in(stack, job_id, 2, SegmentState.PROCESSING)
    os.kill(int(str(killed_attempt.process).rsplit(":", 1)[1]), signal.SIGKILL)
    job = stack.wait_for_end(job_id)
    assert (job["status"], job["segments_failed"]) == ("completed", []), job["error"]
    assert probe(Path(job["output_path"])).frames == SECONDS * 24
    assert [(row.segment, row.attempt, row.state) for row in rows(stack, job_id)] == [
        (1, 1, "completed"),
        (2, 1, "superseded"),
        (2, 2, "completed"),
        (3, 1, "completed"),
    ]


def test_a_failed_join_keeps_the_segments_and_a_retry_renders_none_again(stack: RunningStack) -> None:
    job_id = stack.api.generate({**SHOT, "duration": 2}, fast=True)["job_id"]
    first = row_in(stack, job_id, 1, SegmentState.COMPLETED)
    with stack.sessions() as session:
        clip = Path(session.get_one(Asset, first.asset_id).path)
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) // 2])
    job = stack.wait_for_end(job_id)
    assert (job["status"], job["error"]["code"]) == ("merge_failed", "MERGE_FAILED")
    assert job["segments_completed"] == [1, 2]

    rendered = {(row.id, row.asset_id) for row in rows(stack, job_id)}
    clip.write_bytes(whole)
    stack.api.retry(job_id)
    job = stack.wait_for_end(job_id)
    assert job["status"] == "completed", job["error"]
    assert probe(Path(job["output_path"])).frames == 48
    assert {(row.id, row.asset_id) for row in rows(stack, job_id)} == rendered
