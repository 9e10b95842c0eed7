"""The connection pool of the service: it keeps prepared statements, and an exhausted pool is an error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from api.http.collaborators import Collaborators, collaborators_of
from api.production.app import POOL_SIZE, POOL_WAIT_S, create_app
from tests.api.api_requests import API_ROOT
from tests.api.live_server import serve_live
from tests.api.small_servers import reserve_refusing_address
from tower.settings import Settings

CONNECTIONS = 2 * POOL_SIZE


@pytest.fixture
def app(api_database_url: str) -> Iterator[FastAPI]:
    with reserve_refusing_address() as prefect:
        yield create_app(Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api"))


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with (
        serve_live(app, token="unused") as running,
        httpx.Client(base_url=running.url, timeout=30, trust_env=False) as client,
    ):
        yield client


def create_project(client: httpx.Client) -> int:
    project_id: int = client.post(f"{API_ROOT}/projects", json={"name": "One"}).json()["id"]
    return project_id


def list_prepared_statements(app: FastAPI) -> list[str]:
    """The statements that the server has prepared for the service's idle connections."""
    statements: list[str] = []
    with ExitStack() as stack:
        for _ in range(3):  # one serves consecutive requests, one may belong to the reconciler
            session = stack.enter_context(collaborators_of(app, Collaborators).sessions.begin())
            statements += session.scalars(text("select statement from pg_prepared_statements"))
    return statements


def test_repeated_statements_are_prepared_on_the_server(app: FastAPI, client: httpx.Client) -> None:
    project_id = create_project(client)
    for _ in range(12):
        assert client.get(f"{API_ROOT}/projects/{project_id}").is_success
        assert client.get(f"{API_ROOT}/scenes", params={"project_id": project_id}).is_success
    statements = list_prepared_statements(app)
    assert [statement for statement in statements if "FROM anime_api.anime_projects" in statement]
    assert [statement for statement in statements if "FROM anime_api.scenes" in statement]


def test_a_migration_of_the_running_service_causes_one_503(client: httpx.Client, committing_engine: Engine) -> None:
    project_id = create_project(client)
    assert [client.get(f"{API_ROOT}/projects/{project_id}").status_code for _ in range(12)] == [200] * 12
    alter_column = "alter table anime_api.anime_projects alter column description type"
    try:
        with committing_engine.begin() as connection:
            connection.execute(text(f"{alter_column} varchar(20000)"))
        statuses = [client.get(f"{API_ROOT}/projects/{project_id}").status_code for _ in range(12)]
        assert statuses == [503] + [200] * 11
    finally:
        with committing_engine.begin() as connection:
            connection.execute(text(f"{alter_column} text"))
        committing_engine.dispose()


def test_an_exhausted_pool_is_503_in_time_and_nothing_is_lost(client: httpx.Client, committing_engine: Engine) -> None:
    project_id = create_project(client)

    def change(number: int) -> int:
        path = f"{API_ROOT}/projects/{project_id}"
        return httpx.patch(f"{client.base_url}{path}", json={"description": str(number)}, timeout=30).status_code

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        with committing_engine.connect() as outside, outside.begin():
            outside.execute(
                text("select id from anime_api.anime_projects for update")
            )  # a long migration holds the same lock
            waiting = [pool.submit(change, number) for number in range(CONNECTIONS)]
            _until_all_wait(committing_engine)
            start_s = time.monotonic()
            refused = client.get(f"{API_ROOT}/projects")
            took_s = time.monotonic() - start_s
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "UNAVAILABLE")
        assert "database connections are in use" in refused.json()["error"]["message"]
        assert int(refused.headers["Retry-After"]) > 0
        assert took_s < POOL_WAIT_S + 3
        assert [request.result() for request in waiting] == [200] * CONNECTIONS
    assert client.get(f"{API_ROOT}/projects").status_code == 200


def _until_all_wait(engine: Engine) -> None:
    deadline = time.monotonic() + 60
    blocked = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = :name")
    while True:
        with engine.connect() as connection:
            if connection.scalar(blocked, {"name": "tower-anime-production"}) >= CONNECTIONS:
                return
        assert time.monotonic() < deadline, "not all requests reached the lock"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _fresh_connections(committing_engine: Engine) -> None:
    """Connections of earlier tests have nothing prepared that a change of types could break."""
    committing_engine.dispose()
