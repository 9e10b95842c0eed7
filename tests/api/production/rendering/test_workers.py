"""The workers: as they report themselves, as Prefect sees them, with what each renders."""

from __future__ import annotations

import uuid

from fastapi.testclient import TestClient

from api.production.app import create_app
from db.engine import Sessions
from db.models.rendering import RenderSegment, SegmentState
from db.models.workers import WorkerState
from tests.api.api_requests import A, started
from tests.api.small_servers import FakePrefect, serving
from tower.rendering import workers
from tower.settings import Settings

BOX = workers.Report("gpu-1", host="box", slots=2, engine="comfyui", gpu="NVIDIA GeForce RTX 3060", vram_total_bytes=12)


def test_without_prefect_their_own_reports_are_told(client: TestClient, sessions: Sessions) -> None:
    with sessions.begin() as session:
        worker = workers.report(session, BOX)
        worker.last_failure, worker.state = "ComfyUI does not answer", WorkerState.UNWELL
    answer = client.get(f"{A}/workers").json()
    assert "does not answer" in answer["reason"]
    [said] = answer["workers"]
    assert (said["name"], said["pool"], said["prefect_status"], said["rendering"]) == ("gpu-1", "gpu", None, [])
    report = said["report"]
    assert (report["state"], report["last_failure"]) == ("unwell", "ComfyUI does not answer")
    assert (report["gpu"], report["slots"], report["vram_free_bytes"]) == ("NVIDIA GeForce RTX 3060", 2, None)


def test_prefects_view_and_what_renders_are_joined_by_name(api_database_url: str, sessions: Sessions) -> None:
    with serving(FakePrefect()) as prefect:
        settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api")
        with TestClient(create_app(settings)) as client:
            job_id = started(client, {"prompt": "test"})["job_id"]
            with sessions.begin() as session:
                workers.report(session, BOX)
                workers.report(session, workers.Report("gpu-2", host="attic", slots=1, engine="animatic"))
                session.add(_segment(job_id))
            answer = client.get(f"{A}/workers").json()
    assert answer["reason"] is None
    assert [worker["name"] for worker in answer["workers"]] == ["gpu-1", "gpu-2", "cpu-1"]
    box, attic, recipes = answer["workers"]
    assert (box["prefect_status"], box["last_heartbeat"]) == ("ONLINE", "2025-11-05T04:46:12Z")
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
