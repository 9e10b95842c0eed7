"""Characters over HTTP: as documented, on branches, in the past."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import (
    create_branch,
    create_character,
    create_project,
    create_scene,
    read_all_pages,
    require_edit,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code
from tests.small_media import write_picture


@pytest.fixture
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A media folder of the service; request this fixture before `client`."""
    folder = tmp_path / "media"
    folder.mkdir()
    monkeypatch.setenv("TOWER_MEDIA_ROOTS", str(folder))
    for name in ("kai.png", "kai-2.png"):
        write_picture(folder / name)
    return folder


def test_documented_character_and_its_update(media: Path, client: TestClient) -> None:
    project_id = create_project(client)
    form = {
        "project_id": project_id,
        "name": "Kai Nakamura",
        "description": "Main protagonist, skilled fighter",
        "image_path": str(media / "kai.png"),
        "comfyui_workflow": "anime_character_v2",
    }
    created = require_success(client.post(f"{API_ROOT}/characters", json=form), 201)
    assert created.items() >= form.items()
    assert (created["version"], created["branch_name"], type(created["id"])) == (1, "main", int)
    new = {"description": "Updated character description", "image_path": str(media / "kai-2.png")}
    changed = require_edit(client.put(f"{API_ROOT}/characters/{created['id']}", json=new))
    assert changed.items() >= (form | new | {"id": created["id"], "version": 2}).items()
    assert require_success(client.get(f"{API_ROOT}/characters?project_id={project_id}")) == [changed]
    assert require_success(client.get(f"{API_ROOT}/characters/{created['id']}")) == changed


def test_an_unregistered_workflow_is_stored_with_a_warning(client: TestClient) -> None:
    kai = create_character(client, create_project(client), comfyui_workflow="my_own_graph")
    assert len(kai["warnings"]) == 1
    assert "my_own_graph" in kai["warnings"][0]
    assert (
        require_success(client.put(f"{API_ROOT}/characters/{kai['id']}", json={"comfyui_workflow": None}))["warnings"]
        == []
    )


@pytest.mark.parametrize("way", ["outside", "dots", "link", "missing", "folder", "relative"])
def test_an_image_outside_the_media_folders_is_refused(media: Path, client: TestClient, way: str) -> None:
    outside_file = media.parent / "stray.png"
    outside_file.write_bytes(b"a picture")
    (media / "link.png").symlink_to(outside_file)
    path = {
        "outside": str(outside_file),
        "dots": f"{media}/../stray.png",
        "link": str(media / "link.png"),
        "missing": str(media / "none.png"),
        "folder": str(media),
        "relative": "kai.png",
    }[way]
    project_id = create_project(client)
    refused = client.post(f"{API_ROOT}/characters", json={"project_id": project_id, "name": "Kai", "image_path": path})
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["error"]["details"]["field"] == "image_path"
    kai = create_character(client, project_id)
    assert status_and_code(client.put(f"{API_ROOT}/characters/{kai['id']}", json={"image_path": path}))[0] == 422
    assert require_success(client.get(f"{API_ROOT}/characters/{kai['id']}")) == kai


def test_every_edit_is_a_version_with_its_message(client: TestClient) -> None:
    kai = create_character(client, create_project(client), message="Kai enters")
    url = f"{API_ROOT}/characters/{kai['id']}"
    require_success(client.put(url, json={"role": "mentor", "message": "Kai grows old"}))
    require_success(client.put(url, json={"role": "mentor", "message": "changes nothing"}))
    versions = require_success(client.get(f"{url}/versions"))
    assert [(version["version"], version["message"], version["change"]) for version in versions] == [
        (2, "Kai grows old", "changed"),
        (1, "Kai enters", "added"),
    ]
    assert [version["fields"]["role"] for version in versions] == ["mentor", None]
    assert {version["author"] for version in versions} == {"local"}
    newest = client.get(f"{url}/versions", params={"limit": 1})
    assert require_success(newest) == versions[:1]
    assert require_success(client.get(newest.links["next"]["url"])) == versions[1:]
    before = require_success(client.get(url, params={"at": versions[1]["commit"]}))
    assert (before["role"], before["id"], before["key"]) == (None, None, kai["key"])
    assert status_and_code(client.get(url, params={"at": "no-such-tag"})) == (404, "NOT_FOUND")
    assert status_and_code(client.get(url, params={"at": versions[1]["commit"], "branch": "main"}))[0] == 422


def test_branches_are_edited_and_read_separately(client: TestClient) -> None:
    project_id = create_project(client)
    kai = create_character(client, project_id)
    create_branch(client, project_id)
    url, on_branch = f"{API_ROOT}/characters/{kai['id']}", {"branch": "experimental_ending"}
    body = {"description": "Raised by the shrine", "branch_name": "experimental_ending"}
    changed = require_edit(client.put(url, json=body))
    assert (changed["branch_name"], changed["key"]) == ("experimental_ending", kai["key"])
    assert changed["id"] != kai["id"]
    assert require_success(client.get(url)) == kai
    assert require_success(client.get(url, params=on_branch)) == changed
    characters = require_success(client.get(f"{API_ROOT}/characters", params={"project_id": project_id, **on_branch}))
    assert characters == [changed]
    # a row id is enough: the row is changed on its own branch
    repeated = require_success(client.put(f"{API_ROOT}/characters/{changed['id']}", json={"role": "hero"}))
    assert (repeated["branch_name"], repeated["role"]) == ("experimental_ending", "hero")
    assert status_and_code(client.get(url, params={"branch": "no-such"})) == (404, "NOT_FOUND")
    assert status_and_code(client.put(url, json={"role": "x", "branch": "no-such"})) == (404, "NOT_FOUND")
    deleted = require_success(client.delete(url, params=on_branch))
    assert deleted["branch_name"] == "experimental_ending"
    assert status_and_code(client.get(url, params=on_branch)) == (404, "NOT_FOUND")
    assert require_success(client.get(url)) == kai


def test_a_deleted_character_is_not_found_and_scenes_keep_its_name(client: TestClient) -> None:
    project_id = create_project(client)
    kai = create_character(client, project_id)
    village = create_scene(client, project_id)
    deleted = require_success(client.delete(f"{API_ROOT}/characters/{kai['id']}"))
    assert deleted["key"] == kai["key"]
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, f"{API_ROOT}/characters/{kai['id']}", json={} if method == "PUT" else None)
        assert status_and_code(answer) == (404, "NOT_FOUND")
    assert require_success(client.get(f"{API_ROOT}/scenes/{village['id']}"))["characters"] == [
        "Kai Nakamura",
        "Village Elder",
    ]
    past = read_all_pages(client, "characters", project_id=project_id, at=deleted["commit"])
    assert past == []


def test_list_comes_in_pages_now_and_in_the_past(client: TestClient) -> None:
    project_id = create_project(client)
    other = create_project(client)
    names = [f"Ronin {letter}" for letter in "edcba"]
    commits = [create_character(client, project_id, name=name) for name in names]
    create_character(client, other, name="Ronin of another project")
    characters = read_all_pages(client, "characters", project_id=project_id, limit=2)
    assert [row["name"] for row in characters] == names
    assert [row["id"] for row in characters] == [commit["id"] for commit in commits]
    assert [row["name"] for row in read_all_pages(client, "characters", project_id=project_id, name="N C")] == [
        "Ronin c"
    ]
    at = require_success(client.get(f"{API_ROOT}/characters/{commits[3]['id']}/versions"))[0]["commit"]
    past = read_all_pages(client, "characters", project_id=project_id, limit=3, at=at)
    assert [row["name"] for row in past] == sorted(names[:4])
    assert status_and_code(client.get(f"{API_ROOT}/characters")) == (422, "VALIDATION_ERROR")


def test_lost_update_is_refused(client: TestClient) -> None:
    kai = create_character(client, create_project(client))
    url = f"{API_ROOT}/characters/{kai['id']}"
    read = client.get(url).headers["ETag"]
    require_success(client.put(url, json={"role": "hero"}, headers={"If-Match": read}))
    assert status_and_code(client.put(url, json={"role": "mentor"}, headers={"If-Match": read})) == (
        412,
        "PRECONDITION_FAILED",
    )
    assert require_success(client.get(url))["role"] == "hero"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"project_id": "not a number"}, "project_id"),
        ({"name": "x" * 101}, "name"),
        ({"name": None}, "name"),
        ({"seed": -1}, "seed"),
        ({"visual_traits": []}, "visual_traits"),
        ({"version": 3}, "version"),
        ({"message": ""}, "message"),
    ],
)
def test_bad_character_is_refused(client: TestClient, body: dict[str, object], field: str) -> None:
    refused = client.post(f"{API_ROOT}/characters", json={"project_id": create_project(client), "name": "Kai", **body})
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["error"]["details"]["field"] == field


def test_a_name_is_unique_on_a_branch_in_any_case(client: TestClient) -> None:
    project_id = create_project(client)
    create_character(client, project_id)
    duplicate = client.post(f"{API_ROOT}/characters", json={"project_id": project_id, "name": "KAI nakamura"})
    assert status_and_code(duplicate) == (409, "CONFLICT")
    create_character(client, create_project(client), name="Kai Nakamura")
    unknown = client.post(f"{API_ROOT}/characters", json={"project_id": 999999999, "name": "Kai"})
    assert status_and_code(unknown) == (404, "NOT_FOUND")
