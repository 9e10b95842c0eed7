"""External servers, and addresses that only look external."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deployments import external
from deployments.postgres import EmbeddedPostgres
from tests.api.small_servers import reserve_refusing_address
from tests.conftest import find_free_port
from tests.ports import find_free_offset
from tower.errors import StackError
from tower.settings import LOOPBACK_HOST, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a shell that evaluated `tower env` of a stack that has ended."""
    offset = find_free_offset()
    ports = Settings(port_offset=offset).ports
    return Settings(
        data_dir=tmp_path,
        port_offset=offset,
        database_url=f"postgresql://tower:old@{LOOPBACK_HOST}:{ports.postgres}/anime_production",
        prefect_api_url=f"http://{LOOPBACK_HOST}:{ports.prefect}/api",
    )


@pytest.fixture
def server(reachable: Path) -> Iterator[EmbeddedPostgres]:
    """A server that has no database for Prefect."""
    postgres = EmbeddedPostgres(reachable / "postgres", find_free_port())
    postgres.start()
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("drop database prefect")
        connection.execute("create role guest login password 'guest'")
    yield postgres
    postgres.stop()


def test_addresses_that_an_ended_stack_left_in_the_shell_are_not_external(settings: Settings) -> None:
    cleaned = external.without_stale_addresses(settings)
    assert (cleaned.database_url, cleaned.prefect_api_url) == (None, None)


def test_a_server_that_listens_on_our_usual_port_is_external(settings: Settings) -> None:
    with socket.socket() as prefect:
        prefect.bind((LOOPBACK_HOST, settings.ports.prefect))
        prefect.listen()
        assert external.without_stale_addresses(settings).prefect_api_url == settings.prefect_api_url


def test_servers_elsewhere_are_external(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        database_url="postgresql+psycopg://me@db.example/anime",
        prefect_api_url="https://prefect.example/api",
    )
    assert external.without_stale_addresses(settings) == settings


def test_prefect_gets_a_database_of_its_own_on_an_external_server(server: EmbeddedPostgres) -> None:
    own = server.url("anime_production")
    guest = f"postgresql://guest:guest@{LOOPBACK_HOST}:{server.port}/anime_production"
    with pytest.raises(StackError, match="create it yourself, or set PREFECT_API_URL"):
        external.prepare_prefect_database(guest, exists=False)
    as_sqlalchemy_spells_it = own.replace("postgresql://", "postgresql+psycopg://")
    url = external.prepare_prefect_database(as_sqlalchemy_spells_it, exists=False)
    assert url == external.prepare_prefect_database(own, exists=False) == server.url("prefect")
    external.require_database(url)


def test_a_prefect_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    with reserve_refusing_address() as root, pytest.raises(StackError, match=r"PREFECT_API_URL .* does not answer"):
        external.require_prefect(f"{root}/api")
