"""Scenes over HTTP: as documented, in order, copied, with their cast by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import (
    VILLAGE_SCENE,
    create_branch,
    create_character,
    create_project,
    create_scene,
    read_all_pages,
    require_edit,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code
from tests.small_media import write_picture, write_video
from tests.tower.beats.sounds import even_click_track, write_wav


def test_documented_scene_and_its_update(client: TestClient) -> None:
    project_id = create_project(client)
    assert require_success(client.get(f"{API_ROOT}/projects/{project_id}"))["status"] == "draft"
    form = {"project_id": project_id, "branch_name": "main", **VILLAGE_SCENE}
    created = require_success(client.post(f"{API_ROOT}/scenes", json=form), 201)
    assert created.items() >= form.items()
    assert created["status"] == "draft"
    changed = require_edit(
        client.put(f"{API_ROOT}/scenes/{created['id']}", json={"description": "Updated scene description"})
    )
    assert changed.items() >= (form | {"id": created["id"], "description": "Updated scene description"}).items()
    assert require_success(client.get(f"{API_ROOT}/scenes?project_id={project_id}")) == [changed]
    assert require_success(client.get(f"{API_ROOT}/projects/{project_id}"))["status"] == "active"


def test_a_scene_accepts_only_videos_inside_the_media_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    for path in (media / "shot.mp4", tmp_path / "stray.mp4"):
        write_video(path)
    (media / "text.mp4").write_text("no video")
    (media / "empty.mp4").touch()
    write_picture(media / "still.mp4")
    write_wav(media / "sound.mp4", even_click_track(120, 1))
    monkeypatch.setenv("TOWER_MEDIA_ROOTS", str(media))
    client: TestClient = request.getfixturevalue("client")
    url = f"{API_ROOT}/scenes/{create_scene(client, create_project(client))['id']}"
    form = {"description": "Updated scene description", "video_path": str(media / "shot.mp4")}
    assert require_success(client.put(url, json=form)).items() >= form.items()
    for path in (tmp_path / "stray.mp4", *(media / f"{name}.mp4" for name in ("text", "empty", "still", "sound"))):
        refused = client.put(url, json={"video_path": str(path)})
        assert status_and_code(refused) == (422, "VALIDATION_ERROR")
        assert refused.json()["error"]["details"]["field"] == "video_path"
    assert require_success(client.get(url)).items() >= form.items()


def test_the_cast_is_returned_with_current_names(client: TestClient) -> None:
    project_id = create_project(client)
    kai = create_character(client, project_id)
    village = create_scene(client, project_id, characters=["kai nakamura", "Village Elder"])
    require_success(client.put(f"{API_ROOT}/characters/{kai['id']}", json={"name": "Kai the Elder"}))
    url = f"{API_ROOT}/scenes/{village['id']}"
    assert require_success(client.get(url))["characters"] == ["Kai the Elder", "Village Elder"]
    first = require_success(client.get(f"{url}/versions"))[-1]["commit"]
    assert require_success(client.get(url, params={"at": first}))["characters"] == ["Kai Nakamura", "Village Elder"]
    past = read_all_pages(client, "scenes", project_id=project_id, at=first)
    assert [row["characters"] for row in past] == [["Kai Nakamura", "Village Elder"]]


def test_all_fields_are_returned(client: TestClient) -> None:
    fields = {
        "title": "夜明け",
        "duration_seconds": 4.5,
        "dialogue": [{"character": "Kai Nakamura", "line": "行こう。", "timestamp": 1.5}],
        "scene_type": "emotional",
        "style": "cinematic",
        "location": "shrine",
        "mood": "calm",
        "camera": "slow pan",
    }
    scene = create_scene(client, create_project(client), **fields)
    assert scene.items() >= fields.items()
    cleared = require_success(
        client.put(f"{API_ROOT}/scenes/{scene['id']}", json=dict.fromkeys(("style", "mood", "title")))
    )
    assert (cleared["style"], cleared["mood"], cleared["title"], cleared["camera"]) == (None, None, None, "slow pan")


def test_a_scene_without_a_number_follows_the_last_one(client: TestClient) -> None:
    project_id = create_project(client)
    create_scene(client, project_id, scene_number=7)
    scene = require_success(
        client.post(f"{API_ROOT}/scenes", json={"project_id": project_id, "description": "next"}), 201
    )
    assert scene["scene_number"] == 8
    duplicate = client.post(f"{API_ROOT}/scenes", json={"project_id": project_id, **VILLAGE_SCENE, "scene_number": 7})
    assert status_and_code(duplicate) == (409, "CONFLICT")


def test_reorder_is_one_commit_that_numbers_all_scenes(client: TestClient) -> None:
    project_id = create_project(client)
    ids = [create_scene(client, project_id, scene_number=number)["id"] for number in (1, 2, 5)]
    new_order = [ids[2], ids[0], ids[1]]
    body = {"project_id": project_id, "scene_ids": new_order, "message": "Begin with the end"}
    answer = require_success(client.post(f"{API_ROOT}/scenes/reorder", json=body))
    assert [(row["id"], row["scene_number"]) for row in answer] == [
        (new_order[0], 1),
        (new_order[1], 2),
        (new_order[2], 3),
    ]
    assert require_success(client.get(f"{API_ROOT}/scenes", params={"project_id": project_id})) == answer
    assert require_success(client.get(f"{API_ROOT}/scenes/{ids[0]}/versions"))[0]["message"] == "Begin with the end"
    foreign_scene_id = create_scene(client, create_project(client))["id"]
    for invalid_order in (
        new_order[:2],
        [*new_order[:2], new_order[0]],
        [*new_order[:2], foreign_scene_id],
        [*new_order, 999999999],
    ):
        refused = client.post(f"{API_ROOT}/scenes/reorder", json={"project_id": project_id, "scene_ids": invalid_order})
        assert status_and_code(refused) == (422, "VALIDATION_ERROR")
        assert refused.json()["error"]["details"]["field"] == "scene_ids"


def test_duplicate_copies_all_but_the_video(client: TestClient) -> None:
    project_id = create_project(client)
    village = create_scene(client, project_id, mood="calm")
    url = f"{API_ROOT}/scenes/{village['id']}/duplicate"
    copied = require_edit(client.post(url, json={}), 201)
    distinct_fields = {"id", "key", "scene_number", "created_at", "updated_at"}
    assert {name: copied[name] for name in copied.keys() - distinct_fields} == {
        name: village[name] for name in copied.keys() - distinct_fields
    }
    assert (copied["scene_number"], copied["key"] != village["key"]) == (2, True)
    assert require_success(client.post(url, json={"scene_number": 9}), 201)["scene_number"] == 9
    assert status_and_code(client.post(url, json={"scene_number": 9})) == (409, "CONFLICT")
    assert status_and_code(client.post(f"{API_ROOT}/scenes/999999999/duplicate", json={})) == (404, "NOT_FOUND")


def test_list_is_by_number_in_pages_and_narrowed(client: TestClient) -> None:
    project_id = create_project(client)
    kai = create_character(client, project_id)
    for number in (5, 3, 1, 4, 2):
        create_scene(client, project_id, scene_number=number, characters=["Kai Nakamura"] if number > 3 else [])
    scenes = read_all_pages(client, "scenes", project_id=project_id, limit=2)
    assert [row["scene_number"] for row in scenes] == [1, 2, 3, 4, 5]
    with_kai = read_all_pages(client, "scenes", project_id=project_id, character_id=kai["id"])
    assert [row["scene_number"] for row in with_kai] == [4, 5]
    assert read_all_pages(client, "scenes", project_id=project_id, status="final") == []
    strange = client.get(f"{API_ROOT}/scenes", params={"project_id": create_project(client), "character_id": kai["id"]})
    assert status_and_code(strange) == (404, "NOT_FOUND")


def test_a_branch_has_its_own_scenes(client: TestClient) -> None:
    project_id = create_project(client)
    village = create_scene(client, project_id)
    create_branch(client, project_id)
    branch_scene = require_success(
        client.put(f"{API_ROOT}/scenes/{village['id']}", json={"mood": "dusk", "branch": "experimental_ending"})
    )
    assert branch_scene["branch_name"] == "experimental_ending"
    assert require_success(client.get(f"{API_ROOT}/scenes/{village['id']}"))["mood"] is None
    scenes = read_all_pages(client, "scenes", project_id=project_id, branch="experimental_ending")
    assert [row["mood"] for row in scenes] == ["dusk"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scene_number": 0}, "scene_number"),
        ({"characters": "Kai"}, "characters"),
        ({"duration_seconds": 0}, "duration_seconds"),
        ({"dialogue": [{"line": ""}]}, "dialogue.0.line"),
        ({"scene_type": "sad"}, "scene_type"),
        ({"style": "unheard-of"}, "style"),
        ({"description": None}, "description"),
        ({"status": "final"}, "status"),
    ],
)
def test_bad_scene_is_refused(client: TestClient, body: dict[str, object], field: str) -> None:
    scene = create_scene(client, create_project(client))
    refused = client.put(f"{API_ROOT}/scenes/{scene['id']}", json=body)
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["error"]["details"]["field"] == field


def test_a_scene_of_an_absent_episode_is_refused(client: TestClient) -> None:
    unknown = "2f4c6a0e-7d39-4c53-9ae4-1f6d1de6a1c1"
    scene = create_scene(client, create_project(client))
    assert status_and_code(client.put(f"{API_ROOT}/scenes/{scene['id']}", json={"episode_id": unknown}))[0] == 422


def test_a_lost_update_is_refused_and_a_deleted_scene_is_not_found(client: TestClient) -> None:
    url = f"{API_ROOT}/scenes/{create_scene(client, create_project(client))['id']}"
    read = client.get(url).headers["ETag"]
    require_success(client.put(url, json={"mood": "calm"}, headers={"If-Match": read}))
    assert status_and_code(client.put(url, json={"mood": "wild"}, headers={"If-Match": read})) == (
        412,
        "PRECONDITION_FAILED",
    )
    require_success(client.delete(url))
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, url, json={} if method == "PUT" else None)
        assert status_and_code(answer) == (404, "NOT_FOUND")
