"""`tower verify` as a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.engine import SessionFactory
from deployments.postgres import EmbeddedPostgres
from tests.conftest import COMMITTED_DATABASE
from tests.tower.publishing.films import make_film, write_film
from tower.publishing.marking import copy_unmarked
from tower.publishing.provenance import FilmShot, Provenance
from tower.publishing.publisher import Publisher


@pytest.fixture
def env(postgres: EmbeddedPostgres, tmp_path: Path) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
    return {**outer, "TOWER_DATA_DIR": str(tmp_path / "data"), "TOWER_DATABASE_URL": postgres.url(COMMITTED_DATABASE)}


def verify(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", "verify", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=90)


def test_a_published_file_is_named_and_a_foreign_one_is_not_found(
    env: dict[str, str], sessions: SessionFactory, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.mp4")
    shots = (FilmShot(0, 2, "s1", "a" * 64, "animatic"),)
    publisher = Publisher(sessions, library=tmp_path / "library", renders=tmp_path / "renders", mark=copy_unmarked)
    row = publisher.publish(make_film(film, provenance=Provenance(None, "Neon", "c0ffee", shots)))

    done = verify(env, row.path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["origin"], found["project"], found["commit"], found["marked"]) == (
        "unchanged",
        "Neon",
        "c0ffee",
        False,
    )
    assert found["takes"] == [{"take_sha256": "a" * 64, "engine": "animatic", "model": None}]
    foreign = verify(env, str(write_film(tmp_path / "foreign.mp4", seed=44)))
    assert (foreign.returncode, foreign.stdout.splitlines()[0]) == (
        4,
        "No publication of this ledger is known for this file.",
    )
