from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.small_media import write_picture
from tower.errors import InvalidError
from tower.publishing.placing import as_jpeg, next_modified_at, place_bytes, place_file, remove_partial_files


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_files_and_folders_can_be_read_by_the_user_of_the_server(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        place_bytes(tmp_path / "library" / "Kai" / "a.nfo", b"x")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in sorted((tmp_path / "library").rglob("*"))]
    assert modes == [0o755, 0o644]


def test_an_equal_file_is_not_written_again(tmp_path: Path) -> None:
    target = tmp_path / "a.nfo"
    assert place_bytes(target, b"x")
    assert not place_bytes(target, b"x")
    assert place_bytes(target, b"y")


@pytest.mark.parametrize(("earlier", "now", "date"), [(90.0, 100.5, 100), (100.0, 100.0, 102), (500.5, 100.0, 503)])
def test_a_date_is_later_than_that_of_the_file_before(earlier: float, now: float, date: int) -> None:
    assert next_modified_at(at(earlier), None, now=now) == at(date)


def test_the_date_is_set_before_the_file_has_its_name(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    with place_file(target, modified_at=at(1_000_000)) as part:
        part.write_bytes(b"film")
        assert part.name.startswith(".")
    assert target.stat().st_mtime == 1_000_000


def test_only_what_a_killed_publication_of_the_same_name_left_is_removed(tmp_path: Path) -> None:
    for name in (".Kai S01E01.0f.part.mp4", ".Kai S01E02.0f.part.mp4", "Kai S01E01.mp4", ".ignore"):
        (tmp_path / name).touch()
    remove_partial_files(tmp_path, "Kai S01E01")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".Kai S01E02.0f.part.mp4", ".ignore", "Kai S01E01.mp4"]


def test_a_poster_of_any_format_becomes_a_jpeg(tmp_path: Path) -> None:
    assert as_jpeg(write_picture(tmp_path / "a.png"), "thumb").startswith(b"\xff\xd8\xff")
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(InvalidError, match="Invalid thumb"):
        as_jpeg(tmp_path / "b.png", "thumb")
