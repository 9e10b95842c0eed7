"""Requests for generations, and rows that the production service reads."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from db.engine import SessionFactory
from db.models.jobs import ProductionJob
from db.models.projects import Project
from db.models.rendering import Asset, AssetKind, RenderSegment, SegmentState
from db.models.workers import Worker

API_ROOT = "/api/anime"
DOCUMENTED_REQUEST = {
    "prompt": "cyberpunk detective walking in neon city",
    "character": "kai",
    "duration": 5,
    "style": "anime",
}


def post_generate(client: TestClient, body: dict[str, Any] | None = None, *, key: str | None = None) -> Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer: Response = client.post(
        f"{API_ROOT}/generate", json=DOCUMENTED_REQUEST if body is None else body, headers=headers
    )
    return answer


def start_generation(client: TestClient, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = post_generate(client, body)
    assert answer.status_code == 202, answer.text
    accepted: dict[str, Any] = answer.json()
    return accepted


def status_and_code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def insert_project(sessions: SessionFactory, **columns: Any) -> int:
    with sessions.begin() as session:
        project = Project(name=f"Project {uuid.uuid4()}", **columns)
        session.add(project)
    return project.id


def update_job(sessions: SessionFactory, job_id: int, **values: Any) -> None:
    with sessions.begin() as session:
        job = session.get_one(ProductionJob, job_id)
        for name, value in values.items():
            setattr(job, name, value)


def insert_worker(sessions: SessionFactory, **columns: Any) -> None:
    """Insert the row of a gpu worker that has just reported; it renders animatics unless `columns` say otherwise."""
    values = {"name": "gpu@box", "host": "box", "slots": 1, "engine": "animatic", "engines": ["animatic"]}
    with sessions.begin() as session:
        session.add(Worker(**{**values, **columns}))


def insert_asset(sessions: SessionFactory, job_id: int) -> int:
    """Insert the row of a take of this job; its file does not exist."""
    with sessions.begin() as session:
        asset = Asset(kind=AssetKind.VIDEO, path="/x.mp4", sha256="0" * 64, bytes=1, probe={}, job_id=job_id)
        asset.provenance = {"engine": "animatic", "engine_version": "1"}
        session.add(asset)
    return asset.id


def insert_rendered_segment(sessions: SessionFactory, job_id: int, number: int) -> None:
    """Insert the row of a segment that is rendered; the file of its take does not exist."""
    row = RenderSegment(job_id=job_id, segment=number, attempt=1, state=SegmentState.COMPLETED, prompt_id=uuid.uuid4())
    row.engine, row.shot, row.fingerprint = "animatic", {}, "f" * 64
    row.asset_id = insert_asset(sessions, job_id)
    with sessions.begin() as session:
        session.add(row)
