"""`tower key` from a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from deployments.postgres import EmbeddedPostgres
from tests.ports import find_free_offset
from tower import api_keys


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database without tables."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("create database tower_keys template template0")
        yield postgres.url("tower_keys")
        connection.execute("drop database tower_keys with (force)")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
    return {**outer, "TOWER_DATA_DIR": str(tmp_path / "data"), "TOWER_PORT_OFFSET": str(find_free_offset())}


def key(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", "key", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=90)


def test_a_key_is_created_shown_once_listed_and_revoked(env: dict[str, str], url: str) -> None:
    env = {**env, "TOWER_DATABASE_URL": url}
    result = key(env, "create", "laptop", "--scope", "write", "--days", "30")
    assert result.returncode == 0, result.stderr
    token = result.stdout.strip()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with Session(engine) as session:
        assert api_keys.authenticate(session, token).name == "laptop"
    engine.dispose()

    assert key(env, "create", "laptop").returncode == 1
    (row,) = json.loads(key(env, "list", "--json").stdout)
    assert (row["name"], row["scopes"], row["revoked_at"]) == ("laptop", ["write"], None)
    assert row["prefix"] in token
    assert token not in json.dumps(row)
    assert "laptop" in key(env, "list").stdout
    assert key(env, "revoke", "laptop").returncode == 0
    assert key(env, "revoke", "laptop").returncode == 4


def test_an_unknown_scope_is_a_usage_error(env: dict[str, str]) -> None:
    assert key(env, "create", "laptop", "--scope", "root").returncode == 2


def test_without_a_stack_the_data_folder_is_enough(env: dict[str, str], tmp_path: Path) -> None:
    result = key(env, "create", "first", "--scope", "admin", "--json")
    assert result.returncode == 0, result.stderr
    created = json.loads(result.stdout)
    assert created["key"].startswith("tower_")
    assert (created["name"], created["scopes"]) == ("first", ["admin"])
    assert [row["name"] for row in json.loads(key(env, "list", "--json").stdout)] == ["first"]
    assert not (tmp_path / "data" / "stack.json").exists()
