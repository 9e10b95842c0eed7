"""The list of workers: their own reports, Prefect's view, and the segment that each renders."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.rendering import RenderSegment, SegmentState
from deployments.gpu_info import Gpu
from deployments.worker_row import WorkerReport, WorkerRow
from tests.api.api_requests import API_ROOT, start_generation
from tests.api.small_servers import FakePrefect, serve
from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.rendering import workers
from tower.rendering.failure_limits import UNWELL_AFTER_FAILURES
from tower.settings import Settings

GPU = Gpu("NVIDIA GeForce RTX 3060", vram_total_bytes=12, vram_free_bytes=11)
BOX = WorkerReport(host="box", slots=2, engine="comfyui", comfyui_url="http://box:8188", gpu=GPU)
ATTIC = WorkerReport(host="attic", slots=1, engine="animatic", comfyui_url=None, gpu=None)
AWAY = RenderError("ComfyUI does not answer", code=ErrorCode.COMFYUI_UNREACHABLE)


@pytest.fixture
def rows(api_database_url: str) -> Iterator[list[WorkerRow]]:
    workers = [WorkerRow(api_database_url, name) for name in ("gpu-1", "gpu-2")]
    yield workers
    for row in workers:
        row.close()


def test_without_prefect_workers_are_listed_from_their_reports(
    client: TestClient, sessions: SessionFactory, rows: list[WorkerRow]
) -> None:
    rows[0].report(BOX)
    for _ in range(UNWELL_AFTER_FAILURES):
        with sessions.begin() as session:
            workers.record_failure(session, "gpu-1", AWAY)
    answer = client.get(f"{API_ROOT}/workers").json()
    assert "does not answer" in answer["reason"]
    [worker] = answer["workers"]
    assert (worker["name"], worker["pool"], worker["prefect_status"], worker["rendering"]) == ("gpu-1", "gpu", None, [])
    assert (worker["can_render"], worker["reason"]) == (False, "gpu-1 rests: ComfyUI does not answer")
    report = worker["report"]
    assert report["last_failure_at"] is not None
    assert (report["state"], report["last_failure"]) == ("unwell", "ComfyUI does not answer")
    assert (report["gpu"], report["slots"], report["vram_free_bytes"]) == ("NVIDIA GeForce RTX 3060", 2, 11)


def test_prefect_workers_and_rendering_segments_are_joined_by_name(
    api_database_url: str, sessions: SessionFactory, rows: list[WorkerRow]
) -> None:
    for row, report in zip(rows, (BOX, ATTIC), strict=True):
        row.report(report)
    fake = FakePrefect()
    with serve(fake) as prefect:
        settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api")
        with TestClient(create_app(settings)) as client:
            job_id = start_generation(client, {"prompt": "test"})["job_id"]
            with sessions.begin() as session:
                session.add(_segment(job_id))
            answer = client.get(f"{API_ROOT}/workers").json()
    assert answer["reason"] is None
    assert [worker["name"] for worker in answer["workers"]] == ["gpu-1", "gpu-2", "cpu-1"]
    box, attic, recipes = answer["workers"]
    assert (box["prefect_status"], box["last_heartbeat"]) == ("ONLINE", fake.heartbeat)
    [rendering] = box["rendering"]
    assert (rendering["job_id"], rendering["segment"], rendering["step"]) == (job_id, 1, "frame 3 of 24")
    assert (attic["prefect_status"], attic["rendering"]) == (None, [])
    assert (recipes["pool"], recipes["report"]) == ("cpu", None)


def _segment(job_id: int) -> RenderSegment:
    return RenderSegment(
        job_id=job_id,
        segment=1,
        attempt=1,
        state=SegmentState.PROCESSING,
        prompt_id=uuid.uuid4(),
        worker="gpu-1",
        engine="comfyui",
        shot={},
        fingerprint="f" * 64,
        progress=0.125,
        step="frame 3 of 24",
    )
