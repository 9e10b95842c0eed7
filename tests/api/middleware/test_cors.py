"""Browser access: pages of listed origins send requests, other pages can neither read nor change anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from db.engine import SessionFactory
from db.models.keys import Scope
from tests.api.framed_service import read_error
from tests.api.guarded_service import bearer_headers, create_key, serve_guarded

A = "/api/workflows/kai"
STUDIO = "https://studio.example"
DASHBOARD = "http://localhost:8328"
STRANGER = "https://evil.example"


@pytest.fixture
def client(sessions: SessionFactory) -> Iterator[TestClient]:
    """A service on loopback without keys."""
    with serve_guarded(sessions, cors_origins=STUDIO) as client:
        yield client


@pytest.mark.parametrize("origin", [STUDIO, DASHBOARD, "http://127.0.0.1:8328"])
def test_listed_origins_can_send_requests_and_read_our_headers(client: TestClient, origin: str) -> None:
    answer = client.get(A, headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "X-Next-Cursor" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]
    assert client.post("/api/scenes", headers={"Origin": origin}).status_code == 200


def test_a_listed_origin_can_read_unexpected_errors(client: TestClient) -> None:
    answer = client.get("/api/boom", headers={"Origin": STUDIO})
    assert (answer.status_code, read_error(answer)["code"]) == (500, "INTERNAL_ERROR")
    assert answer.headers["Access-Control-Allow-Origin"] == STUDIO
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", "http://localhost:9999", f"{STUDIO}.evil.example", "http://[", ""]
)
def test_pages_of_other_origins_can_neither_read_nor_change_anything(client: TestClient, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in client.get(A, headers={"Origin": origin}).headers
    answer = client.post("/api/scenes", headers={"Origin": origin})
    assert answer.status_code == 403
    assert read_error(answer)["code"] == "FORBIDDEN"
    with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/api/live", headers={"Origin": origin}):
        pass


def test_a_page_of_the_same_origin_can_change_things(client: TestClient) -> None:
    same = {"Host": "box:8328", "Origin": "http://box:8328"}
    assert client.post("/api/scenes", headers=same).status_code == 200


def test_preflight_is_allowed_for_listed_origins_only(client: TestClient) -> None:
    headers = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization, if-match"}
    allowed = client.options(A, headers={"Origin": STUDIO, **headers})
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == STUDIO
    assert {"PUT", "PATCH", "DELETE"} <= set(allowed.headers["Access-Control-Allow-Methods"].split(", "))
    answer = client.options(A, headers={"Origin": STRANGER, **headers})
    assert answer.status_code == 403
    assert "TOWER_CORS_ORIGINS" in read_error(answer)["message"]


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("Access-Control-Request-Method", "PURGE", "Disallowed CORS method"),
        ("Access-Control-Request-Headers", "x-unknown", "Disallowed CORS headers"),
    ],
)
def test_a_preflight_names_what_it_is_refused_for(client: TestClient, header: str, value: str, reason: str) -> None:
    asked = {"Origin": STUDIO, "Access-Control-Request-Method": "PUT", header: value}
    answer = client.options(A, headers=asked)
    assert answer.status_code == 403
    message = read_error(answer)["message"]
    assert message.startswith(reason)
    assert "TOWER_CORS_ORIGINS" not in message
    assert "If-Match" in message


def test_preflight_needs_no_key_and_refusals_can_be_read(sessions: SessionFactory) -> None:
    key = create_key(sessions, Scope.READ)
    with serve_guarded(sessions, host="0.0.0.0", peer="192.168.1.9", cors_origins=STUDIO) as client:
        headers = {"Origin": STUDIO, "Access-Control-Request-Method": "GET"}
        assert client.options(A, headers=headers).status_code == 200
        assert client.get(A, headers={"Origin": STUDIO}).headers["Access-Control-Allow-Origin"] == STUDIO
        elsewhere = {"Origin": STRANGER, "Host": "evil.example", **bearer_headers(key)}
        assert (
            client.get(A, headers=elsewhere).status_code == 200
        )  # a key is enough, because no browser adds it by itself


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8328", "127.0.0.1.evil.example", "a@b", "[::1", "a:b:c"]
)
def test_a_foreign_host_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get(A, headers={"Host": host})
    assert answer.status_code == 403
    assert read_error(answer)["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8328", "127.0.0.1:9", "[::1]:8328", "box", "tower.localhost", "studio.example"]
)
def test_host_names_of_this_machine_are_accepted(client: TestClient, host: str) -> None:
    assert client.get(A, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(("peer", "status"), [("192.168.1.9", 403), ("2001:db8::1", 403), ("::1", 200)])
def test_without_keys_only_loopback_is_answered(sessions: SessionFactory, peer: str, status: int) -> None:
    with serve_guarded(sessions, peer=peer) as client:
        assert client.get(A).status_code == status


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in (A, "/api/absent", "/openapi.json", "/docs"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert client.get(A).headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "unsafe-inline" in client.get("/docs").headers["Content-Security-Policy"]
