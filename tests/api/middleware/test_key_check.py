"""The key check: every request needs a key with the right scope, except on open paths."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from api.episodes.app import create_app as episodes
from api.http.collaborators import Collaborators, collaborators_of, store_collaborators
from api.http.docs_page import OPEN_PATHS
from api.middleware import key_check
from api.music.app import create_app as music
from api.production.app import create_app as production
from db.engine import SessionFactory
from db.engine import session_factory as sessions_of
from db.models.keys import ApiKey, Scope
from tests.api.framed_service import read_error
from tests.api.guarded_service import bearer_headers, create_key, serve_guarded
from tower import api_keys
from tower.addresses import Address
from tower.errors import StackError
from tower.settings import Settings


@pytest.fixture
def reader(sessions: SessionFactory) -> str:
    return create_key(sessions, Scope.READ, name="reader")


@pytest.fixture
def guarded(sessions: SessionFactory, reader: str) -> Iterator[TestClient]:
    with serve_guarded(sessions, host="0.0.0.0", peer="192.168.1.7") as client:
        yield client


@pytest.mark.parametrize("path", ["/api/workflows/kai", "/api/absent", "/docs/", "/openapi.json/", "/"])
def test_a_request_without_a_key_is_refused(guarded: TestClient, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 401
    assert read_error(answer)["code"] == "UNAUTHORIZED"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tower"'


def test_a_valid_key_is_accepted(guarded: TestClient, reader: str) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = guarded.get("/api/workflows/kai", headers={"Authorization": f"{scheme} {reader}"})
        assert (answer.status_code, answer.json()) == (200, "kai")
    assert guarded.get("/api/absent", headers=bearer_headers(reader)).status_code == 404


@pytest.mark.parametrize(
    "credentials", ["Bearer nonsense", "Bearer ", "Basic dG93ZXI6", "tower_000000000000_", "Bearer é"]
)
def test_an_invalid_key_is_refused(guarded: TestClient, credentials: str) -> None:
    answer = guarded.get("/api/workflows/kai", headers={"Authorization": credentials.encode("latin-1")})
    assert answer.status_code == 401
    refused = credentials.startswith("Bearer ") and credentials != "Bearer "
    assert ('error="invalid_token"' in answer.headers["WWW-Authenticate"]) == refused


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
def test_the_documentation_is_readable_without_a_key(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200
    assert guarded.post(path).status_code == 405


@pytest.mark.parametrize("path", ["/api/health", "/api/health?x=1"])
def test_health_is_open(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code in (200, 422)


@pytest.mark.parametrize("path", ["/api/workflows/health", "/api/health/", "//api/health", "/api/health%2f..%2fscenes"])
def test_only_the_health_path_is_open(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 401


@pytest.mark.parametrize(
    ("scope", "method", "missing_scope"),
    [
        (Scope.READ, "GET /api/workflows/kai", None),
        (Scope.READ, "POST /api/scenes", "write"),
        (Scope.READ, "DELETE /api/workflows/kai", "write"),
        (Scope.READ, "POST /api/pause", "write"),
        (Scope.WRITE, "POST /api/scenes", None),
        (Scope.WRITE, "POST /api/pause", "admin"),
        (Scope.ADMIN, "POST /api/pause", None),
        (Scope.ADMIN, "POST /api/scenes", None),
    ],
)
def test_the_scope_must_allow_the_request(
    sessions: SessionFactory, guarded: TestClient, scope: Scope, method: str, missing_scope: str | None
) -> None:
    answer = guarded.request(*method.split(), headers=bearer_headers(create_key(sessions, scope)))
    assert answer.status_code == (403 if missing_scope else 200)
    if missing_scope:
        assert read_error(answer)["code"] == "FORBIDDEN"
        assert read_error(answer)["details"] == {"scope": missing_scope, "scopes": [scope]}
        challenge = f'Bearer realm="tower", error="insufficient_scope", scope="{missing_scope}"'
        assert answer.headers["WWW-Authenticate"] == challenge


def test_a_revoked_key_ends_within_seconds(sessions: SessionFactory, guarded: TestClient, reader: str) -> None:
    assert guarded.get("/api/workflows/kai", headers=bearer_headers(reader)).status_code == 200
    with sessions.begin() as session:
        api_keys.revoke_key(session, "reader")
    time.sleep(key_check.KEY_CACHE_S)
    answer = guarded.get("/api/workflows/kai", headers=bearer_headers(reader))
    assert answer.status_code == 401
    assert "reader was revoked" in read_error(answer)["message"]


def test_use_of_a_key_is_recorded(sessions: SessionFactory, guarded: TestClient, reader: str) -> None:
    guarded.get("/api/workflows/kai", headers=bearer_headers(reader))
    with sessions() as session:
        assert session.query(ApiKey.last_used_at).scalar() is not None


def test_websockets_need_a_key_too(guarded: TestClient, reader: str) -> None:
    with pytest.raises(WebSocketDenialResponse) as denied, guarded.websocket_connect("/api/live"):
        pass
    assert denied.value.status_code == 401
    with guarded.websocket_connect("/api/live", headers=dict(bearer_headers(reader))) as socket:
        assert socket.receive_text() == "hello"


def test_the_key_is_not_logged(guarded: TestClient, reader: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        guarded.get("/api/workflows/kai", headers=bearer_headers(reader))
        guarded.post("/api/scenes", headers=bearer_headers(reader))
    assert caplog.records
    assert reader[-20:] not in caplog.text


def test_the_service_does_not_start_without_a_key(sessions: SessionFactory) -> None:
    for changes in ({"host": "192.168.1.5"}, {"require_keys": True}):
        with pytest.raises(StackError, match="tower key create"), serve_guarded(sessions, **changes):
            pass


def test_on_loopback_keys_are_off_unless_required(sessions: SessionFactory, reader: str) -> None:
    with serve_guarded(sessions) as client:
        assert client.post("/api/pause").status_code == 200
    with serve_guarded(sessions, require_keys=True) as client:
        assert client.post("/api/pause").status_code == 401


def test_a_silent_database_is_503(sessions: SessionFactory, guarded: TestClient) -> None:
    from db.engine import open_engine

    nowhere = open_engine("postgresql://x@127.0.0.1:1/x")
    assert isinstance(guarded.app, FastAPI)
    collaborators = collaborators_of(guarded.app, Collaborators)
    store_collaborators(guarded.app, replace(collaborators, sessions=sessions_of(nowhere)))
    answer = guarded.get("/api/workflows/kai", headers=bearer_headers("tower_000000000000_" + "x" * 43))
    assert (answer.status_code, read_error(answer)["code"]) == (503, "UNAVAILABLE")
    nowhere.dispose()


def test_openapi_documents_the_required_keys(guarded: TestClient, reader: str) -> None:
    document = guarded.get("/openapi.json", headers=bearer_headers(reader)).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{"key": []}]
    paths = document["paths"]
    assert paths["/api/health"]["get"]["security"] == []
    assert not {"401", "403", "429"} & set(paths["/api/health"]["get"]["responses"])
    assert paths["/api/pause"]["post"]["security"] == [{"key": ["admin"]}]
    assert "security" not in paths["/api/scenes"]["post"]
    assert {"401", "403", "429"} <= set(paths["/api/scenes"]["post"]["responses"])


def test_every_service_asks_for_the_same(sessions: SessionFactory, reader: str) -> None:
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    paths = {production: "/api/anime/workflows", episodes: "/api/anime/episodes", music: "/api/playlists"}
    for create_app, path in paths.items():
        settings = Settings(database_url=url, prefect_api_url=Address("http://127.0.0.1:9/api"), require_keys=True)
        with TestClient(create_app(settings), client=("127.0.0.1", 50_000)) as client:
            assert client.get(path).status_code == 401
            assert client.get(path, headers=bearer_headers(reader)).status_code == 200
        without_keys = settings.model_copy(update={"require_keys": False})
        with TestClient(create_app(without_keys), client=("127.0.0.1", 50_000)) as client:
            assert client.get(path).status_code == 200
            assert client.get(path, headers={"Host": "evil.example"}).status_code == 403
