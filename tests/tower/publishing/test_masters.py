"""Films stay among the renders as long as the ledger names them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from db.engine import SessionFactory
from tests.small_media import write_picture
from tests.tower.publishing.films import REF, make_film
from tower.publishing.film import Series
from tower.publishing.masters import inspect_master, keep_file
from tower.publishing.publisher import Publisher
from tower.settings import Settings
from tower.storage.garbage import collect_garbage


def test_an_unpublished_film_and_its_poster_are_not_garbage(
    make_publisher: Callable[..., Publisher], sessions: SessionFactory, films: tuple[Path, Path], tmp_path: Path
) -> None:
    series = Series("project-1", "Neon Rain", poster=write_picture(tmp_path / "poster.png"))
    row = make_publisher().publish(make_film(films[0], series=series))
    make_publisher().unpublish(REF)
    unnamed = keep_file(films[1], tmp_path / "renders").path
    for file in (tmp_path / "renders").rglob("*.*"):
        os.utime(file, (1, 1))
    collect_garbage(sessions, Settings(data_dir=tmp_path), grace=timedelta(hours=1))
    assert not unnamed.exists()
    assert Path(row.master_path).exists()
    assert Path(row.poster_path or "").exists()
    assert make_publisher().roll_back(REF).content_sha256 == row.content_sha256


def test_a_damaged_copy_is_replaced_and_an_intact_one_stays(films: tuple[Path, Path], tmp_path: Path) -> None:
    kept = keep_file(films[0], tmp_path)
    kept.path.unlink()
    kept.path.write_bytes(b"cut off")
    assert keep_file(films[0], tmp_path) == kept
    assert kept.path.read_bytes() == films[0].read_bytes()


def test_a_film_is_hashed_once_a_second(films: tuple[Path, Path]) -> None:
    probe, hashes = inspect_master(films[0])
    assert (probe.frames, len(hashes)) == (16, 2)
    assert None not in hashes
