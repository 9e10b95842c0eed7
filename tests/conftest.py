"""A real PostgreSQL and a real Prefect server for the tests that need one. Each starts once per test process."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import hypothesis
import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db import engine as database
from db.migrate import upgrade
from db.models import METADATA
from deployments import environment
from deployments.postgres import EmbeddedPostgres
from deployments.process import Process
from deployments.services import StackServices
from tests.markers import select_markers
from tests.ports import find_free_offset
from tower.clients.prefect import PrefectClient
from tower.settings import Settings

# Every run uses the same examples; `make fuzz` uses new ones, and more.
hypothesis.settings.register_profile("bounded", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("fuzz", deadline=None, database=None)
hypothesis.settings.load_profile("bounded")

ROLLED_BACK_DATABASE = "anime_production"  # migrated; tests never commit to it
COMMITTED_DATABASE = "tower_committed"  # The same, emptied after each test that uses it.
E2E_TIMEOUT_S = 900.0  # A stack starts on a busy machine, and there are several renders.


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its folder and its fixtures. Tests of the whole stack have a longer timeout, and run first.

    Their files are the longest, and several processes end soonest if those are not left for the end.
    """
    tests = config.rootpath / "tests"
    for item in items:
        fixtures = item.fixturenames if isinstance(item, pytest.Function) else ()
        path = PurePosixPath(item.path.relative_to(tests))
        for name in select_markers(path, fixtures):
            item.add_marker(name)
        if item.get_closest_marker("e2e") and config.pluginmanager.hasplugin("timeout"):
            item.add_marker(pytest.mark.timeout(E2E_TIMEOUT_S))
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server; tests may create further databases on it."""
    with tempfile.TemporaryDirectory(prefix="tower-tests-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # for root, the server runs as `nobody`, which must be able to enter
        server = EmbeddedPostgres(Path(folder) / "postgres", find_free_port())
        server.start()
        try:
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute("alter system set fsync = off")
                connection.execute("select pg_reload_conf()")
            upgrade(server.url(ROLLED_BACK_DATABASE))
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute(f"create database {COMMITTED_DATABASE} template {ROLLED_BACK_DATABASE}")
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres) -> str:
    """A migrated database. A test that commits to it must clean up."""
    return postgres.url(ROLLED_BACK_DATABASE)


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    opened_engine = database.open_engine(database_url, application="tests")
    yield opened_engine
    opened_engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose changes are rolled back after the test, including commits of the tested code."""
    with engine.connect() as connection:
        transaction = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as opened_session:
            yield opened_session
        transaction.rollback()


@pytest.fixture(scope="session")
def committing_engine(postgres: EmbeddedPostgres) -> Iterator[Engine]:
    opened_engine = database.open_engine(postgres.url(COMMITTED_DATABASE), pool_size=10, application="tests")
    yield opened_engine
    opened_engine.dispose()


@pytest.fixture
def sessions(committing_engine: Engine) -> Iterator[database.SessionFactory]:
    """Sessions that commit, for concurrent tests. All rows except the built-in ones are deleted after the test."""
    try:
        yield database.session_factory(committing_engine)
    finally:
        empty_tables(committing_engine)


@pytest.fixture(scope="session")
def prefect(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectClient]:
    """A Prefect server without workers. The URL of its client contains the secret, so that httpx can send it too."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("prefect"), port_offset=find_free_offset())
    addresses = environment.build_addresses(settings, postgres.url("anime_production"))
    parts = StackServices(settings, addresses, environment.build_environment(settings, addresses, mark="tests"))
    service = parts.prefect(database_url=postgres.url("prefect"))
    process: Process = service.prepare()
    process.spawn()
    deadline = time.monotonic() + 240  # two cores with twenty busy processes need more than two minutes
    try:
        while not service.is_healthy():
            assert process.is_running(), f"Prefect did not start: {process.command.log.read_text()}"
            assert time.monotonic() < deadline, "Prefect did not answer in time"
            time.sleep(0.2)
        client = addresses.open_prefect()
        client.url = client.url.replace("://", f"://{addresses.prefect_auth_string}@")
        yield client
        client.close()
    finally:
        process.stop()


def empty_tables(engine: Engine, *, except_table: str | None = None) -> None:
    """Delete all rows except the built-in styles and glossary and the table `except_table`. TRUNCATE is slower."""
    with engine.begin() as connection:
        connection.exec_driver_sql("set local lock_timeout = '5s'; set local session_replication_role = replica")
        for table in (table for table in METADATA.tables.values() if table.name != except_table):
            condition = (
                " where project_id is not null" if table.name in ("style_templates", "cultural_elements") else ""
            )
            connection.exec_driver_sql(f"delete from {table.fullname}{condition}")


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
