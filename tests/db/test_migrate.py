"""Migrations as operators of the stack see them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from db import migrate
from db.migrate import MigrationError
from deployments.postgres import EmbeddedPostgres


@pytest.fixture
def scratch_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("create database tower_scratch template template0")
        yield postgres.url("tower_scratch")
        connection.execute("drop database tower_scratch with (force)")


def test_concurrent_migrations_wait_for_each_other(scratch_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for upgrade in [pool.submit(migrate.upgrade, scratch_url) for _ in range(2)]:
            upgrade.result(timeout=60)
    assert migrate.current_revision(scratch_url) == migrate.head_revision()


def test_migrating_again_does_nothing(database_url: str) -> None:
    migrate.upgrade(database_url)
    assert migrate.current_revision(database_url) == migrate.head_revision()


def test_migrations_are_found_from_any_folder(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    migrate.upgrade(database_url)


def test_a_database_of_a_newer_tower_is_refused_unchanged(scratch_url: str) -> None:
    with psycopg.connect(scratch_url) as connection:
        connection.execute("create table public.alembic_version (version_num varchar(32) primary key)")
        connection.execute("insert into public.alembic_version values ('9999')")
    with pytest.raises(MigrationError, match="revision 9999, made by a newer Tower"):
        migrate.upgrade(scratch_url)
    with psycopg.connect(scratch_url) as connection:
        assert connection.execute("select to_regclass('public.assets')").fetchone() == (None,)


def test_an_unreachable_database_gives_a_one_sentence_error() -> None:
    with pytest.raises(MigrationError, match="Cannot reach the database: ") as caught:
        migrate.current_revision("postgresql://nobody@127.0.0.1:1/none")
    assert "\n" not in str(caught.value)


def test_a_database_of_another_encoding_is_refused(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("create database tower_latin template template0 encoding 'LATIN1' locale 'C'")
        try:
            with pytest.raises(MigrationError, match="encoding LATIN1"):
                migrate.upgrade(postgres.url("tower_latin"))
        finally:
            connection.execute("drop database tower_latin with (force)")


def test_a_user_without_create_rights_gets_a_clear_error(postgres: EmbeddedPostgres, scratch_url: str) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("create role guest login password 'guest'")
        try:
            with pytest.raises(MigrationError, match="must own the database and its tables: permission denied"):
                migrate.upgrade(
                    make_url(scratch_url).set(username="guest", password="guest").render_as_string(hide_password=False)
                )
        finally:
            connection.execute("drop role guest")
