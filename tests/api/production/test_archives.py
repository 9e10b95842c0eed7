"""Project archives over HTTP, valid and invalid."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.keys import Scope
from tests.api.api_factories import require_success
from tests.api.api_requests import API_ROOT, status_and_code
from tests.api.guarded_service import bearer_headers, create_key
from tests.tower.archives.studio import Studio, count_all_rows, list_files
from tests.tower.archives.whole_project import insert_whole_project
from tower.settings import Settings

ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def settings(api_database_url: str, tmp_path: Path) -> Settings:
    refusing_url = "http://127.0.0.1:9/api"
    return Settings(
        database_url=api_database_url, prefect_api_url=refusing_url, data_dir=tmp_path, archive_max_bytes=4 * 2**20
    )


@pytest.fixture
def studio(sessions: SessionFactory, settings: Settings) -> Studio:
    return Studio(sessions, settings)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


def list_spooled_files(studio: Studio) -> list[str]:
    return list_files(studio.settings.data / "cache")


def test_a_project_is_exported_and_imported(client: TestClient, studio: Studio) -> None:
    project_id = insert_whole_project(studio, name="Neon / 雨")
    answer = client.get(f"{API_ROOT}/projects/{project_id}/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    assert ".tower" in answer.headers["content-disposition"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert zipfile.ZipFile(BytesIO(answer.content)).testzip() is None
    imported = client.post(f"{API_ROOT}/projects/import", content=answer.content, headers=ZIP)
    body = require_success(imported, 201)
    assert imported.headers["location"] == f"{API_ROOT}/projects/{body['project']['id']}"
    assert body["project"]["name"] == "Neon / 雨"
    assert body["heads"].keys() == {"main", "dark"}
    assert body["rows"]["scenes"] == 6
    assert answer.headers["etag"] == f'"{body["content_hash"]}"'
    second_export = client.get(f"{API_ROOT}/projects/{body['project']['id']}/export")
    assert second_export.headers["etag"] == answer.headers["etag"]
    assert list_spooled_files(studio) == []


def test_the_copy_is_a_project_like_any_other(client: TestClient, studio: Studio) -> None:
    content = client.get(f"{API_ROOT}/projects/{insert_whole_project(studio)}/export").content
    copy = require_success(client.post(f"{API_ROOT}/projects/import", content=content, headers=ZIP), 201)["project"][
        "id"
    ]
    scenes = require_success(client.get(f"{API_ROOT}/scenes", params={"project_id": copy}))
    assert [scene["scene_number"] for scene in scenes] == [1, 2, 3]
    changed = require_success(client.put(f"{API_ROOT}/scenes/{scenes[1]['id']}", json={"mood": "bright"}))
    assert changed["mood"] == "bright"
    assert require_success(client.get(f"{API_ROOT}/commits", params={"project_id": copy}))
    take = require_success(client.get(f"{API_ROOT}/assets", params={"project_id": copy}))[0]
    assert client.get(take["file_url"]).status_code == 200


def test_a_chunked_body_is_accepted(client: TestClient, studio: Studio) -> None:
    content = client.get(f"{API_ROOT}/projects/{insert_whole_project(studio)}/export").content
    pieces = (content[at : at + 1000] for at in range(0, len(content), 1000))
    assert client.post(f"{API_ROOT}/projects/import", content=pieces, headers=ZIP).status_code == 201


def test_a_range_request_gets_the_whole_archive(client: TestClient, studio: Studio) -> None:
    answer = client.get(f"{API_ROOT}/projects/{insert_whole_project(studio)}/export", headers={"Range": "bytes=5-1"})
    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "none")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_an_invalid_archive_is_refused_and_changes_nothing(client: TestClient, studio: Studio, content: bytes) -> None:
    before = count_all_rows(studio)
    assert status_and_code(client.post(f"{API_ROOT}/projects/import", content=content, headers=ZIP)) == (
        422,
        "ARCHIVE_REFUSED",
    )
    assert count_all_rows(studio) == before
    assert list_files(studio.settings.data) == []


def test_another_media_type_is_refused(client: TestClient) -> None:
    for media in ("application/json", "multipart/form-data", ""):
        answer = client.post(f"{API_ROOT}/projects/import", content=b"{}", headers={"Content-Type": media})
        assert status_and_code(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_above_the_limit_is_refused_and_leaves_nothing(
    client: TestClient, studio: Studio, announced: bool
) -> None:
    content = bytes(5 * 2**20)
    body = content if announced else (content[at : at + 2**18] for at in range(0, len(content), 2**18))
    assert status_and_code(client.post(f"{API_ROOT}/projects/import", content=body, headers=ZIP)) == (
        413,
        "BODY_TOO_LARGE",
    )
    assert list_files(studio.settings.data) == []


def test_other_paths_keep_their_small_limit(client: TestClient) -> None:
    answer = client.post(f"{API_ROOT}/projects", content=bytes(2 * 2**20), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_an_unknown_or_deleted_project_is_not_exported(client: TestClient, studio: Studio) -> None:
    project_id = insert_whole_project(studio)
    require_success(client.delete(f"{API_ROOT}/projects/{project_id}"))
    for requested_id in (project_id, 999_999):
        assert status_and_code(client.get(f"{API_ROOT}/projects/{requested_id}/export")) == (404, "NOT_FOUND")
    assert list_spooled_files(studio) == []


def test_both_need_the_scope_admin(settings: Settings, sessions: SessionFactory) -> None:
    write, admin = create_key(sessions, Scope.WRITE), create_key(sessions, Scope.ADMIN, name="boss")
    guarded = settings.model_copy(update={"require_keys": True})
    with TestClient(create_app(guarded)) as client:
        for key, refused in ((write, True), (admin, False)):
            out = client.get(f"{API_ROOT}/projects/1/export", headers=bearer_headers(key))
            back = client.post(f"{API_ROOT}/projects/import", content=b"x", headers={**ZIP, **bearer_headers(key)})
            assert (out.status_code == 403, back.status_code == 403) == (refused, refused)
