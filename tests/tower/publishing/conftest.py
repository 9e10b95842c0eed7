from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from db.engine import SessionFactory
from tests.tower.publishing.films import write_film
from tower.publishing.marking import copy_unmarked
from tower.publishing.publisher import Publisher


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two versions of a film."""
    folder = tmp_path_factory.mktemp("films")
    return write_film(folder / "a.mp4", seed=1), write_film(folder / "b.mp4", seed=2)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def make_publisher(sessions: SessionFactory, library: Path, tmp_path: Path) -> Callable[..., Publisher]:
    """Publishers into the library, without marks unless another marker is given."""

    def make(**options: object) -> Publisher:
        given = {"mark": copy_unmarked, **options}
        return Publisher(sessions, library=library, renders=tmp_path / "renders", **given)  # type: ignore[arg-type]

    return make
