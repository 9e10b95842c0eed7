"""The data folder is closed to the other users of the machine, also one that an older version left open."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from deployments.data_folder import (
    close_to_others,
    make_own_folder,
    make_private_folder,
    prepare_data_folder,
    read_private,
)
from tower.errors import StackError

OPEN = 0o077


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_data_folder_cannot_be_listed_by_others(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    prepare_data_folder(folder)
    assert mode_of(folder) & 0o066 == 0
    assert list(folder.iterdir()) == []


def test_an_open_data_folder_is_closed_with_all_that_tower_keeps_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("renders", "logs", "media", "postgres", "cache", "prefect"):
        (folder / name).mkdir(parents=True)
        (folder / name).chmod(0o755)
    (folder / "stack.json").write_text("{}")
    (folder / "stack.json").chmod(0o644)
    folder.chmod(0o755)
    prepare_data_folder(folder)
    assert mode_of(folder) & 0o066 == 0
    closed = [path for path in folder.iterdir() if path.name != "postgres"]
    assert [path.name for path in closed if mode_of(path) & OPEN] == []
    assert mode_of(folder / "postgres") & 0o066 == 0


def test_what_is_not_towers_own_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "public").chmod(0o755)
    elsewhere = tmp_path / "public" / "music"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (tmp_path / "media").symlink_to(elsewhere)
    close_to_others(tmp_path)
    assert (mode_of(tmp_path / "public"), mode_of(elsewhere)) == (0o755, 0o755)


def test_a_folder_of_everyone_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    close_to_others(tmp_path)
    assert mode_of(tmp_path) == 0o1777


def test_a_folder_that_is_not_writable_is_reported_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot be written .*TOWER_DATA_DIR"):
        prepare_data_folder(tmp_path / "file" / "data")


def test_a_private_folder_is_made_and_an_open_one_is_closed(tmp_path: Path) -> None:
    folder = make_private_folder(tmp_path / "sockets")
    assert mode_of(folder) == 0o700
    folder.chmod(0o777)
    assert mode_of(make_private_folder(folder)) == 0o700


def test_a_link_is_not_taken_for_a_private_folder(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "sockets").symlink_to(tmp_path / "theirs")
    with pytest.raises(StackError, match="not a folder of this user"):
        make_private_folder(tmp_path / "sockets")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_taken_for_a_private_one(tmp_path: Path) -> None:
    folder = make_private_folder(tmp_path / "sockets")
    os.chown(folder, 65534, 65534)
    with pytest.raises(StackError, match="not a folder of this user"):
        make_private_folder(folder)


def test_a_secret_that_others_could_read_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    file.chmod(0o644)
    assert read_private(file) == "secret"
    assert mode_of(file) == 0o600


def test_a_secret_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("secret")
    (tmp_path / "password").symlink_to(tmp_path / "theirs")
    with pytest.raises(StackError, match="not a file of this user"):
        read_private(tmp_path / "password")


def test_own_folders_are_closed_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_own_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "a") & 0o066 == mode_of(tmp_path / "a" / "b") & 0o066 == 0
