"""Engines, connections and prepared statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db.engine import DEAD_PEER_S, PREPARE_THRESHOLD, open_engine, read_session_factory, session_factory
from db.models.projects import Project


@pytest.mark.parametrize("spelling", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_any_spelling_of_the_address_connects(database_url: str, spelling: str) -> None:
    url = make_url(database_url).set(drivername=spelling).render_as_string(hide_password=False)
    engine = open_engine(url, application="spelling")
    with engine.connect() as connection:
        name, zone = connection.execute(
            text("select current_setting('application_name'), current_setting('timezone')")
        ).one()
    engine.dispose()
    assert (name, zone) == ("spelling", "UTC")


def test_both_ends_of_a_connection_notice_within_a_minute_that_the_other_is_gone(database_url: str) -> None:
    """A machine that is cut off in a transaction holds its locks until the server notices."""
    engine = open_engine(database_url)
    with engine.connect() as connection:
        rows = connection.execute(text("select name, setting from pg_settings where name like 'tcp_%'"))
        server = {name: int(setting) for name, setting in rows}
        client = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    engine.dispose()
    idle, interval, count = (server[f"tcp_keepalives_{name}"] for name in ("idle", "interval", "count"))
    assert idle + interval * count <= DEAD_PEER_S
    assert server["tcp_user_timeout"] == DEAD_PEER_S * 1000 == int(client["tcp_user_timeout"])
    assert [int(client[f"keepalives_{name}"]) for name in ("idle", "interval", "count")] == [idle, interval, count]


def test_a_connection_that_the_server_closed_is_replaced(database_url: str) -> None:
    engine = open_engine(database_url, pool_size=1)
    with session_factory(engine)() as session:
        pid = session.scalar(text("select pg_backend_pid()"))
    other = open_engine(database_url)
    with other.connect() as connection:
        assert connection.scalar(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    other.dispose()
    with session_factory(engine)() as session:
        assert session.scalar(text("select pg_backend_pid()")) != pid
    engine.dispose()


@pytest.fixture
def single_connection(database_url: str) -> Iterator[Engine]:
    """An engine with one connection, which all sessions use in turn."""
    engine = open_engine(database_url, pool_size=1)
    yield engine
    engine.dispose()


@pytest.fixture
def table(database_url: str) -> Iterator[str]:
    """A separate table to migrate."""
    other = open_engine(database_url)
    with other.begin() as connection:
        connection.execute(text("create table public.outdated (id int primary key, value int)"))
        connection.execute(text("insert into public.outdated values (1, 7)"))
    yield "public.outdated"
    with other.begin() as connection:
        connection.execute(text("drop table public.outdated"))
    other.dispose()


def execute(engine: Engine, statement: Any, **values: Any) -> Any:
    with session_factory(engine).begin() as session:
        return session.scalar(statement, values)


def list_prepared_statements(engine: Engine, part: str) -> list[str]:
    """The prepared statements of this engine's connection that contain `part`."""
    with session_factory(engine).begin() as session:
        statements = session.scalars(text("select statement from pg_prepared_statements")).all()
    return [statement for statement in statements if part in statement]


def test_without_transactions_each_statement_commits_at_once(single_connection: Engine, table: str) -> None:
    with read_session_factory(single_connection)() as session:
        session.execute(text(f"update {table} set value = 8"))
        session.rollback()
        assert session.scalar(text(f"select value from {table}")) == 8
    with session_factory(single_connection)() as session:  # and the connection returns to the pool in its normal mode
        session.execute(text(f"update {table} set value = 9"))
        session.rollback()
        assert session.scalar(text(f"select value from {table}")) == 8


def test_a_statement_that_returns_is_prepared_on_the_server_once(single_connection: Engine) -> None:
    query = select(Project.name).where(Project.id == 1)
    for _ in range(PREPARE_THRESHOLD):
        execute(single_connection, query)
    assert list_prepared_statements(single_connection, "anime_projects") == []
    for _ in range(10):
        execute(single_connection, query)
    [statement] = list_prepared_statements(single_connection, "anime_projects")
    assert "$1" in statement


def test_a_rollback_removes_all_prepared_statements(single_connection: Engine) -> None:
    """psycopg discards them after a rollback, so reads commit too: see api.http.dependencies."""
    query = select(Project.name).where(Project.id == 2)
    for _ in range(10):
        execute(single_connection, query)
    assert len(list_prepared_statements(single_connection, "anime_projects")) == 1
    with session_factory(single_connection)() as session:
        session.scalar(query)
    assert list_prepared_statements(single_connection, "anime_projects") == []


def test_prepared_statements_answer_with_the_values_of_each_call(single_connection: Engine) -> None:
    assert [execute(single_connection, text("select cast(:n as int) * 2"), n=n) for n in range(20)] == [
        2 * n for n in range(20)
    ]
    assert len(list_prepared_statements(single_connection, "* 2")) == 1


def test_a_new_connection_prepares_its_own_statements(single_connection: Engine, database_url: str) -> None:
    query = text("select cast(:n as int) + 40")
    for _ in range(10):
        execute(single_connection, query, n=2)
    pid = execute(single_connection, text("select pg_backend_pid()"))
    other = open_engine(database_url)
    assert execute(other, text("select pg_terminate_backend(:pid, 5000)"), pid=pid)
    other.dispose()
    assert execute(single_connection, query, n=2) == 42
    assert list_prepared_statements(single_connection, "+ 40") == []
    assert [execute(single_connection, query, n=n) for n in range(10)] == list(range(40, 50))
    assert len(list_prepared_statements(single_connection, "+ 40")) == 1


def test_a_migration_that_adds_a_column_keeps_prepared_statements_valid(
    single_connection: Engine, database_url: str, table: str
) -> None:
    query = text(f"select value from {table} where id = :id")
    assert {execute(single_connection, query, id=1) for _ in range(10)} == {7}
    run_ddl(database_url, f"alter table {table} add column more text default 'x'")
    run_ddl(database_url, f"create index on {table} (value)")
    assert {execute(single_connection, query, id=1) for _ in range(10)} == {7}


def test_a_migration_that_changes_a_type_fails_one_call_only(
    single_connection: Engine, database_url: str, table: str
) -> None:
    query = text(f"select value from {table} where id = :id")
    assert {execute(single_connection, query, id=1) for _ in range(10)} == {7}
    run_ddl(database_url, f"alter table {table} alter column value type text using 'seven'")
    with pytest.raises(DBAPIError) as outdated:
        execute(single_connection, query, id=1)
    assert outdated.value.connection_invalidated
    assert {execute(single_connection, query, id=1) for _ in range(10)} == {"seven"}


def test_an_exhausted_pool_raises_in_time(database_url: str) -> None:
    engine = open_engine(database_url, pool_size=1, wait_s=0.2)
    with engine.connect(), engine.connect(), pytest.raises(PoolTimeoutError):
        engine.connect()
    assert execute(engine, text("select 1")) == 1
    engine.dispose()


def run_ddl(database_url: str, statement: str) -> None:
    """Run DDL on a separate connection, as a migration does."""
    other = open_engine(database_url)
    with other.begin() as connection:
        connection.execute(text(statement))
    other.dispose()
