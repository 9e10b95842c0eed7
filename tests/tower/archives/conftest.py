"""A studio, and a separate one with other files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.engine import SessionFactory
from db.engine import session_factory as sessions_of
from tests.conftest import empty_tables
from tests.tower.archives.studio import Studio
from tests.tower.archives.whole_project import insert_whole_project
from tower.archives.exporting import export_project
from tower.settings import Settings


@pytest.fixture
def studio(sessions: SessionFactory, tmp_path: Path) -> Studio:
    return Studio(sessions, Settings(data_dir=tmp_path / "home"))


@pytest.fixture
def other_studio(sessions: SessionFactory, tmp_path: Path) -> Studio:
    """The same database with another data folder. Paths of the first studio are not allowed here."""
    return Studio(sessions, Settings(data_dir=tmp_path / "elsewhere"))


@pytest.fixture(scope="module")
def exported_project(committing_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An archive of a project that was then deleted from the database; its files still exist."""
    folder = tmp_path_factory.mktemp("archive")
    studio = Studio(sessions_of(committing_engine), Settings(data_dir=folder / "home"))
    export_project(studio.sessions, insert_whole_project(studio), folder / "good.tower", settings=studio.settings)
    empty_tables(committing_engine)
    yield folder / "good.tower"
    empty_tables(committing_engine)


@pytest.fixture
def archive(exported_project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(exported_project, tmp_path / "good.tower"))
