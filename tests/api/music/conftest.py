"""The music service on a separate database and library folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.music.app import create_app
from tests.tower.beats.sounds import even_click_track, write_wav
from tests.tower.library.conftest import sounds
from tower.settings import Settings

__all__ = ["sounds"]


@pytest.fixture
def music_settings(api_database_url: str, tmp_path: Path) -> Settings:
    folder = tmp_path / "music"
    folder.mkdir()
    return Settings(database_url=api_database_url, data_dir=tmp_path / "data", music_dirs=(folder,))


@pytest.fixture
def music_folder(music_settings: Settings) -> Path:
    return music_settings.music_dirs[0]


@pytest.fixture
def music(music_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(music_settings)) as client:
        yield client


@pytest.fixture
def beats_settings(api_database_url: str, tmp_path: Path) -> Settings:
    settings = Settings(database_url=api_database_url, data_dir=tmp_path / "data", beat_processes=2)
    settings.media.mkdir(parents=True)
    return settings


@pytest.fixture
def beats(beats_settings: Settings) -> Iterator[TestClient]:
    """The music service with a separate media folder."""
    with TestClient(create_app(beats_settings)) as client:
        yield client


@pytest.fixture
def theme(beats_settings: Settings) -> Path:
    """Clicks at 120 BPM, 20 s."""
    return write_wav(beats_settings.media / "theme-120.wav", even_click_track(120, 20))
