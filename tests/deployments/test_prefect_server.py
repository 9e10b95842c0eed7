"""The Prefect server answers only callers with its secret, and no page of a foreign server."""

from __future__ import annotations

import json
from typing import get_args
from urllib.parse import urlsplit

import httpx
import pytest
from prefect.client.orchestration.routes import ServerRoutes
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests import patient
from tower.clients.prefect import PrefectClient

SOCKETS = (
    "/events/in",
    "/events/out",
    "/logs/out",
    "/task_runs/subscriptions/scheduled",
    "/work_pools/cpu/workers/connect",
)
PATHS = [f"/api{path}" for path in (*get_args(ServerRoutes), "/health", "/ready", "/admin/version")]
METHODS = ("GET", "POST")


def base_of(prefect: PrefectClient) -> str:
    """Its URL without the secret."""
    parts = urlsplit(prefect.url)
    return f"http://{parts.hostname}:{parts.port}"


def secret_of(prefect: PrefectClient) -> str:
    parts = urlsplit(prefect.url)
    return f"{parts.username}:{parts.password}"


def socket_to(prefect: PrefectClient, path: str, *, origin: str | None = None) -> ClientConnection:
    url = f"{base_of(prefect)}/api{path}".replace("http:", "ws:")
    return connect(url, subprotocols=["prefect"], origin=origin, proxy=None)  # type: ignore[arg-type, list-item]


def test_every_operation_asks_for_the_secret(prefect: PrefectClient) -> None:
    with httpx.Client(base_url=base_of(prefect), timeout=30) as stranger:
        answers = {(method, path): stranger.request(method, path).status_code for method in METHODS for path in PATHS}
    assert {key for key, status in answers.items() if status != 401} == {("GET", "/api/health"), ("GET", "/api/ready")}


def test_a_wrong_secret_is_refused_and_the_right_one_accepted(prefect: PrefectClient) -> None:
    url = f"{base_of(prefect)}/api/admin/version"
    assert httpx.get(url, auth=("tower", "wrong"), timeout=30).status_code == 401
    assert httpx.get(f"{prefect.url}/admin/version", timeout=30).status_code == 200
    assert PrefectClient(f"{base_of(prefect)}/api", auth_string=secret_of(prefect)).get_version()


@pytest.mark.parametrize(
    "headers", [{"Host": "attacker.example"}, {"Origin": "http://attacker.example"}, {"Origin": "null"}]
)
def test_foreign_names_are_refused_on_every_route(prefect: PrefectClient, headers: dict[str, str]) -> None:
    user, _, password = secret_of(prefect).partition(":")
    paths = [*PATHS, "/", "/ui-settings", "/docs", "/openapi.json"]
    with httpx.Client(base_url=base_of(prefect), headers=headers, auth=(user, password), timeout=30) as page:
        assert {page.request(method, path).status_code for method in ("GET", "OPTIONS") for path in paths} == {403}


@pytest.mark.parametrize("path", SOCKETS)
def test_a_websocket_without_the_secret_is_closed(prefect: PrefectClient, path: str) -> None:
    with socket_to(prefect, path) as opened:
        opened.send(json.dumps({"type": "auth", "token": "wrong"}))
        with pytest.raises(ConnectionClosed):
            opened.recv(timeout=10)


@pytest.mark.parametrize("path", SOCKETS)
def test_a_websocket_of_a_foreign_page_is_refused(prefect: PrefectClient, path: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        socket_to(prefect, path, origin="http://attacker.example")
    assert refusal.value.response.status_code == 403


def test_a_websocket_with_the_secret_is_served(prefect: PrefectClient) -> None:
    with socket_to(prefect, "/events/in") as opened:
        opened.send(json.dumps({"type": "auth", "token": secret_of(prefect)}))
        assert json.loads(opened.recv(timeout=10))["type"] == "auth_success"


def test_its_own_pages_are_served(prefect: PrefectClient) -> None:
    own = {"Origin": base_of(prefect)}
    assert patient.get(base_of(prefect), headers=own).status_code == 200
    assert patient.get(f"{base_of(prefect)}/ui-settings", headers=own).json()["auth"] == "BASIC"
