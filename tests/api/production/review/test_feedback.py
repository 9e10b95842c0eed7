"""Feedback on takes, its consequences, and the assets themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from db.engine import SessionFactory
from db.models.learning import TrainingExample
from db.models.rendering import Asset, AssetKind
from tests.api.api_factories import create_project, create_scene, read_all_pages, require_success
from tests.api.api_requests import API_ROOT, start_generation, status_and_code

BYTES = b"0123456789"


@pytest.fixture
def take(client: TestClient, sessions: SessionFactory, tmp_path: Path) -> dict[str, Any]:
    """A take of 24 frames of a job of a project."""
    project_id = create_project(client)
    job_id = start_generation(client, {"prompt": "rain", "project_id": project_id, "negative_prompt": "sun"})["job_id"]
    path = tmp_path / "take.mp4"
    path.write_bytes(BYTES)
    with sessions.begin() as session:
        row = Asset(kind=AssetKind.VIDEO, path=str(path), sha256="a" * 64, bytes=10, probe={"frames": 24})
        row.provenance, row.job_id, row.project_id = {"engine": "animatic"}, job_id, project_id
        session.add(row)
    return {"id": row.id, "project_id": project_id, "job_id": job_id, "path": path}


def give_feedback(client: TestClient, take: dict[str, Any], **fields: Any) -> Any:
    return require_success(client.post(f"{API_ROOT}/feedback", json={"asset_id": take["id"], **fields}), 201)


def test_a_rating_is_stored_and_decides_nothing(client: TestClient, take: dict[str, Any]) -> None:
    feedback = give_feedback(client, take, kind="rating", rating=4)
    assert feedback["decision_id"] is None
    assert (feedback["feedback"]["rating"], feedback["feedback"]["author"]) == (4, "local")
    assert (feedback["feedback"]["project_id"], feedback["feedback"]["job_id"]) == (take["project_id"], take["job_id"])
    assert read_all_pages(client, "feedback", asset_id=take["id"]) == [feedback["feedback"]]
    assert read_all_pages(client, "decisions", project_id=take["project_id"]) == []


def test_last_verdict_is_the_example_and_each_is_a_decision(
    client: TestClient, sessions: SessionFactory, take: dict[str, Any]
) -> None:
    notes = [{"frame": 23, "note": "red instead of blue"}]
    rejected = give_feedback(client, take, kind="rejection", reason="The coat changes", frame_notes=notes)
    assert rejected["feedback"]["frame_notes"] == notes
    village = create_scene(client, take["project_id"])
    approved = give_feedback(client, take, kind="approval", scene_id=village["id"])
    assert approved["feedback"]["scene_key"] == village["key"]
    decided = read_all_pages(client, "decisions", project_id=take["project_id"], limit=1)
    assert [(decision["id"], decision["kind"]) for decision in decided] == [
        (approved["decision_id"], "approval"),
        (rejected["decision_id"], "rejection"),
    ]
    assert (decided[1]["reason"], decided[1]["asset_id"]) == ("The coat changes", take["id"])
    assert read_all_pages(client, "decisions", project_id=take["project_id"], kind="approval") == decided[:1]
    with sessions() as session:
        example = session.scalars(select(TrainingExample)).one()
    assert (example.verdict, example.prompt, example.negative_prompt) == ("accepted", "rain", "sun")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "rating"},
        {"kind": "rating", "rating": 6},
        {"kind": "rejection"},
        {"kind": "praise"},
        {"kind": "approval", "frame_notes": [{"frame": 24, "note": "after the end"}]},
    ],
)
def test_bad_feedback_is_refused(client: TestClient, take: dict[str, Any], body: dict[str, Any]) -> None:
    refused = client.post(f"{API_ROOT}/feedback", json={"asset_id": take["id"], **body})
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert read_all_pages(client, "feedback") == []


def test_feedback_on_an_unknown_take_or_scene_is_refused(client: TestClient, take: dict[str, Any]) -> None:
    unknown = client.post(f"{API_ROOT}/feedback", json={"asset_id": 999999999, "kind": "approval"})
    assert status_and_code(unknown) == (404, "NOT_FOUND")
    foreign_scene = create_scene(client, create_project(client))
    body = {"asset_id": take["id"], "kind": "approval", "scene_id": foreign_scene["id"]}
    assert status_and_code(client.post(f"{API_ROOT}/feedback", json=body)) == (422, "VALIDATION_ERROR")


def test_asset_is_listed_shown_and_downloaded_in_ranges(client: TestClient, take: dict[str, Any]) -> None:
    assets = read_all_pages(client, "assets", project_id=take["project_id"], kind="video")
    asset = require_success(client.get(f"{API_ROOT}/assets/{take['id']}"))
    assert assets == [asset]
    assert (asset["provenance"], asset["probe"]) == ({"engine": "animatic"}, {"frames": 24})
    whole = client.get(asset["file_url"])
    assert (whole.content, whole.headers["content-type"]) == (BYTES, "video/mp4")
    part = client.get(asset["file_url"], headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert status_and_code(client.get(asset["file_url"], headers={"Range": "bytes=10-"}))[0] == 416
    assert client.head(asset["file_url"]).headers["content-length"] == "10"
    assert read_all_pages(client, "assets", project_id=create_project(client)) == []
    assert read_all_pages(client, "assets", job_id=take["job_id"], sha256="b" * 64) == []
    take["path"].unlink()
    assert status_and_code(client.get(asset["file_url"])) == (404, "FILE_MISSING")
    require_success(client.delete(f"{API_ROOT}/projects/{take['project_id']}"))
    assert status_and_code(client.get(f"{API_ROOT}/assets/{take['id']}")) == (404, "NOT_FOUND")
    assert read_all_pages(client, "assets") == []


def test_the_example_has_the_resolved_parameters_of_the_render(
    client: TestClient, sessions: SessionFactory, take: dict[str, Any]
) -> None:
    shot = {"model": "mine.safetensors", "seed": 7, "steps": 30, "sampler": "euler", "width": 512, "prompt": "longer"}
    with sessions.begin() as session:
        session.get_one(Asset, take["id"]).provenance = {"engine": "comfyui", "shot": shot}
    give_feedback(client, take, kind="approval")
    with sessions() as session:
        example = session.scalars(select(TrainingExample)).one()
    assert example.parameters["prompt"] == "rain"
    settled = {"engine": "comfyui", **{name: value for name, value in shot.items() if name != "prompt"}}
    assert example.parameters.items() >= settled.items()
