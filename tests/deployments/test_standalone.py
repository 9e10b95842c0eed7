"""A standalone part starts only if its dependencies answer; tests/e2e/test_compose.py checks that they start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deployments.postgres import EmbeddedPostgres
from deployments.standalone import StandaloneServer, deploy, serve
from tests.conftest import ROLLED_BACK_DATABASE
from tests.ports import find_free_offset
from tower.errors import StackError
from tower.settings import LOOPBACK_HOST, Settings


def test_a_standalone_server_needs_a_database(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="TOWER_DATABASE_URL"):
        serve(Settings(data_dir=tmp_path), StandaloneServer.MUSIC)


def test_the_error_names_a_database_that_does_not_answer(tmp_path: Path) -> None:
    url = f"postgresql://tower@{LOOPBACK_HOST}:1/anime_production"
    with pytest.raises(StackError, match="The database of TOWER_DATABASE_URL cannot be used"):
        serve(Settings(data_dir=tmp_path, database_url=url), StandaloneServer.PRODUCTION)


def test_a_standalone_prefect_needs_a_secret(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="set PREFECT_API_AUTH_STRING to the same one for each part"):
        serve(Settings(data_dir=tmp_path), StandaloneServer.PREFECT)


def test_a_port_in_use_is_named(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    settings = Settings(
        data_dir=tmp_path, database_url=postgres.url(ROLLED_BACK_DATABASE), port_offset=find_free_offset()
    )
    port = settings.ports.music
    with socket.create_server((LOOPBACK_HOST, port)), pytest.raises(StackError, match=f"Port {port}"):
        serve(settings, StandaloneServer.MUSIC)


def test_deploying_needs_a_prefect_server_that_answers(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="PREFECT_API_URL"):
        deploy(Settings(data_dir=tmp_path))
    nowhere = f"http://{LOOPBACK_HOST}:{4200 + find_free_offset()}/api"
    with pytest.raises(StackError, match="does not answer"):
        deploy(Settings(data_dir=tmp_path, prefect_api_url=nowhere))
