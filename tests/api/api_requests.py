"""Requests for generations, and rows that the production service reads."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from db.engine import Sessions
from db.models.jobs import ProductionJob
from db.models.projects import Project
from db.models.rendering import Asset, AssetKind

A = "/api/anime"
DOCUMENTED = {
    "prompt": "cyberpunk detective walking in neon city",
    "character": "kai",
    "duration": 5,
    "style": "anime",
}


def generate(client: TestClient, body: dict[str, Any] | None = None, *, key: str | None = None) -> Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer: Response = client.post(f"{A}/generate", json=DOCUMENTED if body is None else body, headers=headers)
    return answer


def started(client: TestClient, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = generate(client, body)
    assert answer.status_code == 202, answer.text
    accepted: dict[str, Any] = answer.json()
    return accepted


def code_of(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def new_project(sessions: Sessions, **columns: Any) -> int:
    with sessions.begin() as session:
        project = Project(name=f"Project {uuid.uuid4()}", **columns)
        session.add(project)
    return project.id


def change(sessions: Sessions, job_id: int, **values: Any) -> None:
    with sessions.begin() as session:
        job = session.get_one(ProductionJob, job_id)
        for name, value in values.items():
            setattr(job, name, value)


def new_asset(sessions: Sessions, job_id: int) -> int:
    """Insert the row of a take of this job; its file does not exist."""
    with sessions.begin() as session:
        asset = Asset(kind=AssetKind.VIDEO, path="/x.mp4", sha256="0" * 64, bytes=1, probe={}, job_id=job_id)
        asset.provenance = {"engine": "animatic", "engine_version": "1"}
        session.add(asset)
    return asset.id
