"""`tower project` and `tower purge` from a shell, on a real database and real files."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.engine import SessionFactory
from tests.ports import find_free_offset
from tests.tower.archives.studio import Studio, count_all_rows, list_files
from tests.tower.archives.whole_project import insert_whole_project
from tower.settings import Settings
from tower.story import projects


@pytest.fixture
def studio(sessions: SessionFactory, tmp_path: Path) -> Studio:
    return Studio(sessions, Settings(data_dir=tmp_path / "data"))


@pytest.fixture
def env(committing_engine: Engine, tmp_path: Path) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
    return {
        **outer,
        "TOWER_DATA_DIR": str(tmp_path / "data"),
        "TOWER_PORT_OFFSET": str(find_free_offset()),
        "TOWER_DATABASE_URL": committing_engine.url.render_as_string(hide_password=False),
    }


def tower(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=90)


def test_a_project_is_exported_and_imported(env: dict[str, str], studio: Studio, tmp_path: Path) -> None:
    project_id = insert_whole_project(studio)
    file = tmp_path / "neon.tower"
    out = tower(env, "project", "export", str(project_id), str(file))
    assert (out.returncode, out.stdout.strip()) == (0, str(file)), out.stderr
    assert "Missing: " in out.stderr
    assert "lost.png" in out.stderr
    back = tower(env, "project", "import", str(file))
    assert back.returncode == 0, back.stderr
    copy = int(back.stdout)
    assert studio.count_rows("anime_api.scenes", copy) == studio.count_rows("anime_api.scenes", project_id)
    second_export = tower(env, "project", "export", str(copy), str(tmp_path / "again.tower"), "--json")
    assert json.loads(second_export.stdout)["content_hash"] in out.stderr
    assert tower(env, "fsck", "--project", str(copy)).returncode == 0


def test_an_existing_file_is_replaced_only_with_force(env: dict[str, str], studio: Studio, tmp_path: Path) -> None:
    project_id = str(insert_whole_project(studio))
    file = tmp_path / "mine.tower"
    file.write_bytes(b"mine")
    refused = tower(env, "project", "export", project_id, str(file))
    assert (refused.returncode, file.read_bytes()) == (2, b"mine")
    assert "--force" in refused.stderr
    assert tower(env, "project", "export", project_id, str(file), "--force").returncode == 0
    assert file.read_bytes() != b"mine"


def test_an_unknown_project_is_not_found(env: dict[str, str], studio: Studio, tmp_path: Path) -> None:
    result = tower(env, "project", "export", "999999", str(tmp_path / "none.tower"))
    assert (result.returncode, result.stderr) == (4, "tower: There is no project 999999\n")
    assert not (tmp_path / "none.tower").exists()


@pytest.mark.parametrize(("content", "sentence"), [(b"no zip", "not an archive"), (None, "No such file")])
def test_an_invalid_archive_is_refused_in_one_sentence(
    env: dict[str, str], studio: Studio, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "bad.tower"
    if content is not None:
        file.write_bytes(content)
    before = count_all_rows(studio)
    result = tower(env, "project", "import", str(file))
    assert result.returncode == 2
    assert result.stderr.startswith("tower: ")
    assert len(result.stderr.splitlines()) == 1
    assert sentence in result.stderr
    assert count_all_rows(studio) == before


def test_a_terminal_sees_a_progress_bar(env: dict[str, str], studio: Studio, tmp_path: Path) -> None:
    """Runs the command on a separate terminal."""
    outside, inside = pty.openpty()
    command = [sys.executable, "-m", "deployments.cli", "project", "export", str(insert_whole_project(studio))]
    terminal_env = {**env, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [*command, str(tmp_path / "x.tower")], env=terminal_env, stderr=inside, stdout=inside
    ) as running:
        os.close(inside)
        output = b""
        while piece := _read(outside):
            output += piece
    os.close(outside)
    assert running.returncode == 0
    assert b"writing" in output
    assert b"100%" in output


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end was closed
        return b""


def test_purge_lists_its_targets_before_removing_them(env: dict[str, str], studio: Studio) -> None:
    project_id = insert_whole_project(studio)
    with studio.sessions.begin() as session:
        projects.delete_project(session, project_id).deleted_at = datetime.now(UTC) - timedelta(days=10)
    for name in list_files(studio.settings.renders):
        os.utime(studio.settings.renders / name, (1, 1))
    assert json.loads(tower(env, "purge", "--json").stdout)["projects"] == []
    listed = tower(env, "purge", "--dry-run", "--older-than", "7")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout == f"project {project_id}: Neon rain, 2 generations, 2 takes\n"
    assert "1 projects and 2 files" in listed.stderr
    assert studio.count_rows("anime_api.scenes", project_id)
    purged = json.loads(tower(env, "purge", "--older-than", "7", "--json").stdout)
    assert ([project["id"] for project in purged["projects"]], purged["files"]) == ([project_id], 2)
    assert studio.count_rows("anime_api.scenes", project_id) == 0
    assert list_files(studio.settings.renders) == []
    assert tower(env, "purge", "--older-than", "-1").returncode == 2


@pytest.mark.parametrize("command", [("project", "export"), ("project", "import"), ("purge",)])
def test_help_has_an_example(env: dict[str, str], command: tuple[str, ...]) -> None:
    page = tower(env, *command, "--help")
    assert page.returncode == 0
    assert "Example:" in page.stdout
