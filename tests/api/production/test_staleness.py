"""Staleness over HTTP: edits list the stale scenes, GET gives the reasons, render-stale renders exactly these."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from db.engine import SessionFactory
from db.models.characters import CharacterAppearance
from db.models.jobs import JobType, ProductionJob, QualityMetrics
from db.models.rendering import Asset, AssetKind
from db.models.scenes import Scene
from tests.api.api_factories import (
    create_branch,
    create_character,
    create_project,
    create_scene,
    read_all_pages,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code
from tower.jobs.attempts import Attempt, claim_job, complete_job
from tower.review.acceptance import accept_take
from tower.settings import Settings
from tower.shots.scene_jobs import open_scene_job
from tower_animatic.entry import VERSION

COAT = {"visual_traits": {"coat": "red"}}
SETTINGS = Settings(database_url="postgresql://unused")


def finish_job(sessions: SessionFactory, job_id: int, folder: Path) -> int:
    """End the job as its recipe does, with a plain file as its film. Returns the id of the take."""
    with sessions.begin() as session:
        job = session.get_one(ProductionJob, job_id)
        attempt = claim_job(session, job_id, flow_run_id=None, timeout_s=60)
        path = folder / f"take-{job_id}.mp4"
        path.write_bytes(content := f"take {job_id}".encode())
        take = Asset(
            kind=AssetKind.VIDEO,
            path=str(path),
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            probe={"frames": round(job.parameters["duration_s"] * job.parameters["fps"])},
            provenance={"engine": "animatic", "engine_version": VERSION},
            project_id=job.project_id,
            job_id=job_id,
        )
        session.add_all([take, QualityMetrics(job_id=job_id, score=8, passed=True, metrics=[])])
        session.flush()
        accept_take(session, job, take, settings=SETTINGS)
        complete_job(session, Attempt(job_id, attempt.number), asset=take, score=8)
        return take.id


@pytest.fixture
def story(client: TestClient, sessions: SessionFactory, tmp_path: Path) -> dict[str, Any]:
    """A project: Kai is in scene 1, no one in scene 2, both with accepted takes; scene 3 has no render."""
    project_id = create_project(client)
    kai = create_character(client, project_id, visual_traits={"coat": "black"})
    ids = [
        create_scene(client, project_id, scene_number=number, description=f"Scene {number}", characters=playing)["id"]
        for number, playing in enumerate((["Kai"], [], ["Kai"]), start=1)
    ]
    for scene_id in ids[:2]:
        with sessions.begin() as session:
            job_id = open_scene_job(session, session.get_one(Scene, scene_id), settings=SETTINGS).id
        finish_job(sessions, job_id, tmp_path)
    return {"project_id": project_id, "kai": kai["id"], "first": ids[0], "second": ids[1], "third": ids[2]}


def get_stale_scenes(client: TestClient, story: dict[str, Any], on: str = "main") -> Any:
    return require_success(client.get(f"{API_ROOT}/projects/{story['project_id']}/stale", params={"branch": on}))


def render_stale_scenes(
    client: TestClient, story: dict[str, Any], status: int = 202, key: str | None = None, **body: Any
) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return require_success(
        client.post(f"{API_ROOT}/projects/{story['project_id']}/render-stale", json=body, headers=headers), status
    )


def test_an_edit_lists_the_stale_scenes_and_get_gives_the_reasons(client: TestClient, story: dict[str, Any]) -> None:
    before = get_stale_scenes(client, story)
    assert (before["scenes"], before["fresh"], before["stale"]) == (3, 2, [])
    assert before["missing"] == [story["third"]]
    edited = require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json=COAT))
    assert edited["stale_scenes"] == [story["first"]]
    answer = get_stale_scenes(client, story)
    assert answer["stale_scenes"] == [story["first"]]
    assert answer["stale"][0]["reasons"] == [
        {"kind": "characters", "name": "Kai Nakamura", "field": "visual_traits/coat", "was": "black", "now": "red"}
    ]
    assert answer["stale"][0]["accepted_asset_id"] is not None
    assert (
        answer["commit"]
        == require_success(client.get(f"{API_ROOT}/commits", params={"project_id": story["project_id"]}))[0][
            "commit_hash"
        ]
    )
    assert require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json={"backstory": "shrine"}))[
        "stale_scenes"
    ] == [
        story["first"]  # affected again, and still stale
    ]
    head = {"project_id": story["project_id"], "commit": answer["commit"]}
    assert require_success(client.post(f"{API_ROOT}/revert", json=head))["stale_scenes"] == []
    assert get_stale_scenes(client, story)["stale"] == []


def test_stale_scenes_of_a_branch_are_listed_in_pages(client: TestClient, story: dict[str, Any]) -> None:
    for scene_id in (story["first"], story["second"]):
        require_success(client.put(f"{API_ROOT}/scenes/{scene_id}", json={"mood": "tense"}))
    path = f"{API_ROOT}/projects/{story['project_id']}/stale"
    answer = client.get(path, params={"limit": 1})
    first = require_success(answer)
    assert (first["scenes"], first["stale_scenes"], first["missing"]) == (1, [story["first"]], [])
    assert answer.headers["X-Next-Cursor"] == "1"
    answer = client.get(answer.links["next"]["url"])
    assert require_success(answer)["stale_scenes"] == [story["second"]]
    answer = client.get(answer.links["next"]["url"])
    last = require_success(answer)
    assert (last["scenes"], last["stale_scenes"], last["missing"]) == (1, [], [story["third"]])
    assert "X-Next-Cursor" not in answer.headers
    assert get_stale_scenes(client, story)["stale_scenes"] == [story["first"], story["second"]]
    assert (
        status_and_code(client.get(path, params={"limit": 0}))[0]
        == status_and_code(client.get(path, params={"cursor": "x"}))[0]
        == 422
    )


def test_every_edit_endpoint_lists_the_stale_scenes(client: TestClient, story: dict[str, Any]) -> None:
    project_id, first, second = story["project_id"], story["first"], story["second"]
    assert require_success(client.put(f"{API_ROOT}/scenes/{second}", json={"mood": "tense"}))["stale_scenes"] == [
        second
    ]
    assert require_success(client.put(f"{API_ROOT}/scenes/{second}", json={"mood": None}))["stale_scenes"] == []
    assert require_success(client.put(f"{API_ROOT}/scenes/{first}", json={"title": "Rain"}))["stale_scenes"] == []
    created = client.post(f"{API_ROOT}/styles", json={"project_id": project_id, "name": "Anime", "prompt": "pastel"})
    style = require_success(created, 201)
    assert style["stale_scenes"] == [first, second]
    renamed = require_success(client.put(f"{API_ROOT}/styles/{style['id']}", json={"name": "pastel"}))
    assert renamed["stale_scenes"] == []
    body = {"project_id": project_id, "message": "both", "changes": {"scenes": {"1": {"camera": "low"}}}}
    assert require_success(client.post(f"{API_ROOT}/commit", json=body), 201)["stale_scenes"] == [first]
    body["changes"] = {"scenes": {"1": {"camera": None}}}
    assert require_success(client.post(f"{API_ROOT}/commit", json=body), 201)["stale_scenes"] == []
    deleted = require_success(client.delete(f"{API_ROOT}/characters/{story['kai']}"))
    assert deleted["stale_scenes"] == [first]
    assert get_stale_scenes(client, story)["stale_scenes"] == [first]
    back = {"project_id": project_id, "commit": deleted["commit"]}
    assert require_success(client.post(f"{API_ROOT}/revert", json=back))["stale_scenes"] == []
    bible = {"title": "Bible", "description": "All of it"}
    assert (
        require_success(client.post(f"{API_ROOT}/projects/{project_id}/bible", json=bible), 201)["stale_scenes"] == []
    )


def test_a_merge_lists_the_same_stale_scenes_as_get(client: TestClient, story: dict[str, Any]) -> None:
    create_branch(client, story["project_id"], "dark")
    answer = require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json=COAT | {"branch_name": "dark"}))
    assert answer["stale_scenes"] == get_stale_scenes(client, story, "dark")["stale_scenes"] != []
    assert get_stale_scenes(client, story)["stale"] == []
    body = {"project_id": story["project_id"], "source_branch": "dark", "target_branch": "main"}
    dry = require_success(client.post(f"{API_ROOT}/merge", json=body | {"dry_run": True}))
    assert get_stale_scenes(client, story)["stale"] == []
    merged = require_success(client.post(f"{API_ROOT}/merge", json=body))
    assert merged["stale_scenes"] == get_stale_scenes(client, story)["stale_scenes"] == [story["first"]]
    assert dry["stale_scenes"] == merged["stale_scenes"]
    assert dry["changes"] == merged["changes"]
    after = require_success(client.post(f"{API_ROOT}/merge", json=body | {"dry_run": True}))
    assert (after["up_to_date"], after["stale_scenes"]) == (True, [])


def test_a_dry_run_with_conflicts_does_not_know_the_stale_scenes(client: TestClient, story: dict[str, Any]) -> None:
    create_branch(client, story["project_id"], "dark")
    for branch, coat in (("dark", "red"), ("main", "green")):
        edit = {"visual_traits": {"coat": coat}, "branch_name": branch}
        require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json=edit))
    body = {"project_id": story["project_id"], "source_branch": "dark", "dry_run": True}
    dry = require_success(client.post(f"{API_ROOT}/merge", json=body))
    assert dry["conflicts"]
    assert dry["stale_scenes"] is None


def test_exactly_the_stale_scenes_are_rendered_each_once(
    client: TestClient, sessions: SessionFactory, story: dict[str, Any], tmp_path: Path
) -> None:
    assert render_stale_scenes(client, story)["jobs"] == []
    require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json=COAT))
    dry_run = render_stale_scenes(client, story, 200, dry_run=True)
    assert (dry_run["to_render"], dry_run["jobs"]) == ([story["first"]], [])
    started = render_stale_scenes(client, story, quality="low")
    assert started["to_render"] == started["stale_scenes"] == [story["first"]]
    [job] = started["jobs"]
    assert (job["scene_id"], job["job_type"], job["status"]) == (story["first"], "integrated_generation", "processing")
    with sessions() as session:
        row = session.get_one(ProductionJob, job["job_id"])
        assert (row.scene_id, row.commit_hash, row.job_type) == (story["first"], started["commit"], JobType.INTEGRATED)
        assert row.parameters["quality"] == "low"
        assert row.steps["cast"]["members"][0]["traits"] == {"coat": "red"}
    repeated = render_stale_scenes(client, story)
    assert (repeated["jobs"], repeated["to_render"]) == ([], [])
    assert repeated["already_rendering"] == [{"scene_id": story["first"], "job_id": job["job_id"], "up_to_date": True}]
    require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json={"visual_traits": {"coat": "blue"}}))
    assert render_stale_scenes(client, story)["already_rendering"][0]["up_to_date"] is False
    assert get_stale_scenes(client, story)["stale"][0]["job_id"] == job["job_id"]
    finish_job(sessions, job["job_id"], tmp_path)
    [reason] = get_stale_scenes(client, story)["stale"][0][
        "reasons"
    ]  # the take has the content for which the job was opened
    assert (reason["was"], reason["now"]) == ("red", "blue")
    later = render_stale_scenes(client, story)
    finish_job(sessions, later["jobs"][0]["job_id"], tmp_path)
    assert get_stale_scenes(client, story)["stale"] == []


def test_a_key_renders_once_and_another_body_is_refused(client: TestClient, story: dict[str, Any]) -> None:
    require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json=COAT))
    first = render_stale_scenes(client, story, key="once")
    assert render_stale_scenes(client, story, key="once") == first
    assert len(read_all_pages(client, "generation", project_id=story["project_id"])) == 3
    path = f"{API_ROOT}/projects/{story['project_id']}/render-stale"
    other = client.post(path, json={"quality": "low"}, headers={"Idempotency-Key": "once"})
    assert status_and_code(other) == (409, "IDEMPOTENCY_CONFLICT")


def test_an_unrenderable_scene_has_a_reason_and_blocks_no_other(client: TestClient, story: dict[str, Any]) -> None:
    require_success(client.put(f"{API_ROOT}/scenes/{story['first']}", json={"duration_seconds": 45}))
    require_success(client.put(f"{API_ROOT}/scenes/{story['second']}", json={"mood": "tense"}))
    rendered = render_stale_scenes(client, story)
    assert rendered["to_render"] == [story["second"]]
    [refused] = rendered["cannot_render"]
    assert (refused["scene_id"], refused["code"]) == (story["first"], "VALIDATION_ERROR")
    assert "duration_s" in refused["message"]


def test_bad_requests_are_refused(client: TestClient, story: dict[str, Any]) -> None:
    path = f"{API_ROOT}/projects/{story['project_id']}"
    assert status_and_code(client.get(f"{API_ROOT}/projects/999999/stale")) == (404, "NOT_FOUND")
    assert status_and_code(client.get(f"{path}/stale?branch=nowhere")) == (404, "NOT_FOUND")
    assert status_and_code(client.post(f"{path}/render-stale", json={"branch": "nowhere"})) == (404, "NOT_FOUND")
    assert status_and_code(client.post(f"{path}/render-stale", json={"quality": "best"}))[0] == 422
    assert status_and_code(client.post(f"{path}/render-stale", json={"what": 1}))[0] == 422
    require_success(client.put(f"{API_ROOT}/characters/{story['kai']}", json=COAT))
    away = client.post(f"{path}/render-stale", json={"engine": "comfyui"})
    assert status_and_code(away) == (503, "NO_COMFYUI")


def test_approval_and_rejection_move_the_take_of_the_scene(
    client: TestClient, sessions: SessionFactory, story: dict[str, Any], tmp_path: Path
) -> None:
    with sessions.begin() as session:
        row = session.get_one(Scene, story["first"])
        accepted = row.accepted_asset_id
        job = open_scene_job(session, row, settings=SETTINGS, overrides={"seed": 7})
    take = finish_job(sessions, job.id, tmp_path)
    first = require_success(client.get(f"{API_ROOT}/scenes/{story['first']}"))
    assert (first["accepted_asset_id"], first["status"]) == (accepted, "rendered")  # the accepted take is up to date
    body = {"asset_id": take, "kind": "approval"}
    assert require_success(client.post(f"{API_ROOT}/feedback", json=body), 201)["accepted_for_scene"] == story["first"]
    first = require_success(client.get(f"{API_ROOT}/scenes/{story['first']}"))
    assert (first["accepted_asset_id"], first["status"]) == (take, "final")
    assert get_stale_scenes(client, story)["stale"] == []
    with sessions() as session:
        stored = session.scalars(select(CharacterAppearance).where(CharacterAppearance.asset_id == take)).one()
        assert (stored.character_name, stored.character_id, stored.scene_key) == (
            "Kai Nakamura",
            story["kai"],
            uuid.UUID(first["key"]),
        )
        assert stored.character_hash is not None
    appearances = read_all_pages(client, f"characters/{story['kai']}/appearances", limit=1)
    assert [appearance["asset_id"] for appearance in appearances] == [take, accepted]
    assert client.get(appearances[0]["file_url"]).status_code == 200
    body = {"asset_id": take, "kind": "rejection", "reason": "Kai blinks"}
    feedback = require_success(client.post(f"{API_ROOT}/feedback", json=body), 201)
    assert feedback["taken_from_scenes"] == [story["first"]]
    assert feedback["feedback"]["scene_key"] == first["key"]
    first = require_success(client.get(f"{API_ROOT}/scenes/{story['first']}"))
    assert (first["accepted_asset_id"], first["video_path"], first["status"]) == (None, None, "generated")
    assert get_stale_scenes(client, story)["missing"] == [story["first"], story["third"]]
