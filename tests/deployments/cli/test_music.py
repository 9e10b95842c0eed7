"""`tower music` with a running music API, on a real database and real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.music.app import create_app
from db.engine import SessionFactory
from deployments.state import Addresses
from tests.api.live_server import serve_live
from tests.deployments.cli.conftest import stack_environment
from tests.tower.library.conftest import Make, sounds
from tower.settings import Settings

__all__ = ["sounds"]


@pytest.fixture
def music_stack(tmp_path: Path, committing_engine: Engine, sessions: SessionFactory) -> Iterator[dict[str, str]]:
    """The environment of a command with a stack file that names a music API."""
    database_url = committing_engine.url.render_as_string(hide_password=False)
    data, folder = tmp_path / "data", tmp_path / "music"
    folder.mkdir()
    app = create_app(Settings(database_url=database_url, data_dir=data, music_dirs=(folder,)))
    with serve_live(app, token="") as server:
        yield stack_environment(Addresses("", f"{server.url}/api", "", "", database_url, data))


def tower(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", "music", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_a_folder_is_scanned_and_a_list_is_imported(music_stack: dict[str, str], tmp_path: Path, sounds: Make) -> None:
    folder = tmp_path / "music"
    sounds(folder / "a.mp3", title="夜に駆ける", artist="YOASOBI", TBPM="130")
    (folder / "bad.mp3").write_text("no music")
    (folder / "mix.m3u8").write_text("#EXTM3U\na.mp3\ngone.mp3\n")
    scanned = tower(music_stack, "scan")
    assert (scanned.returncode, scanned.stdout) == (0, "2 of 2 files: 1 added, 1 unreadable\n")
    assert f"not added: {folder}/bad.mp3: " in scanned.stderr
    rescanned = json.loads(tower(music_stack, "scan", "--json").stdout)
    assert (rescanned["unchanged"], rescanned["unreadable_files"][0]["path"]) == (1, str(folder / "bad.mp3"))
    assert "YOASOBI – 夜に駆ける  130 BPM" in tower(music_stack, "search", "夜に").stdout
    imported = tower(music_stack, "import", str(folder / "mix.m3u8"))
    assert imported.stdout == "1 tracks, 1 playlists; 1 entries skipped\n"
    assert "skipped: gone.mp3" in imported.stderr
    assert tower(music_stack, "import", str(folder / "a.mp3")).returncode == 2


def test_without_a_stack_the_library_cannot_be_scanned(tmp_path: Path) -> None:
    env = {**os.environ, "TOWER_DATA_DIR": str(tmp_path)}
    result = tower(env, "scan")
    assert result.returncode == 3
    assert "No stack is running" in result.stderr
