"""A studio, and another one elsewhere that knows nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.engine import Sessions
from tests.tower.archives.studio import Studio
from tower.settings import Settings


@pytest.fixture
def studio(sessions: Sessions, tmp_path: Path) -> Studio:
    return Studio(sessions, Settings(data_dir=tmp_path / "home"))


@pytest.fixture
def elsewhere(sessions: Sessions, tmp_path: Path) -> Studio:
    """The same database, another disk: no path of the first studio may be named here."""
    return Studio(sessions, Settings(data_dir=tmp_path / "elsewhere"))
