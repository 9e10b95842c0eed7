"""A path from a request is a file under a root, or the refusal reveals nothing about files outside."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tower.media.hostile_paths import INSIDE, SECRET, TEMPLATES, HostileFolder, build_hostile_folder, hostile_path
from tower.errors import InvalidError
from tower.media.roots import media_roots, open_media, resolve_media_path, video_roots
from tower.settings import Settings

NOBODY = 65_534


@pytest.fixture
def world() -> Iterator[HostileFolder]:
    with tempfile.TemporaryDirectory(prefix="tower-") as folder:
        yield build_hostile_folder(Path(folder).resolve())


def refusal(text: str, world: HostileFolder) -> InvalidError:
    with pytest.raises(InvalidError) as refused:
        resolve_media_path(text, roots=[world.media], field="image_path")
    with pytest.raises(InvalidError):
        open_media(text, roots=[world.media])
    return refused.value


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_hostile_path_is_refused_as_documented(world: HostileFolder, name: str) -> None:
    text = hostile_path(name, world)
    error = refusal(text, world)
    assert (error.status, error.code) == (422, "VALIDATION_ERROR")
    assert error.details is not None
    assert (error.details["field"], error.details["value"]) == ("image_path", text)
    assert str(world.outside_folder) not in error.message


def test_the_corpus_is_large() -> None:
    assert len(TEMPLATES) >= 40


def test_a_refusal_does_not_reveal_whether_a_file_exists_outside(world: HostileFolder) -> None:
    pairs = [
        (world.secret_file, world.outside_folder / "absent.png"),
        (world.media / "to-folder" / "secret.png", world.media / "to-folder" / "absent.png"),
        (world.media / "to-file.png", world.media / "to-nothing.png"),
        (world.outside_folder / "deep", world.outside_folder / "absent"),
        (Path("/etc/passwd"), Path("/etc/absent")),
    ]
    for existing_path, missing_path in pairs:
        assert refusal(str(existing_path), world).message == refusal(str(missing_path), world).message
    assert "exists" in refusal(str(world.media / "absent.png"), world).message


def test_good_files_are_accepted(world: HostileFolder) -> None:
    japanese = world.media / "甲斐 その1 (final).png"
    japanese.write_bytes(INSIDE)
    for path in (world.good_file, world.media / "deep" / "rin.png", japanese):
        assert resolve_media_path(str(path), roots=[world.media]) == path
        with open_media(path, roots=[world.media]) as file:
            assert file.read() == INSIDE


def test_links_between_roots_are_resolved(world: HostileFolder) -> None:
    (world.media / "same.png").symlink_to("kai.png")
    assert resolve_media_path(str(world.media / "same.png"), roots=[world.media]) == world.good_file
    linked = resolve_media_path(str(world.media / "to-file.png"), roots=[world.media, world.outside_folder])
    assert linked == world.secret_file


def test_a_root_may_itself_be_a_link_or_absent(world: HostileFolder) -> None:
    root = world.media.parent / "by-link"
    root.symlink_to(world.media)
    roots = [world.media.parent / "absent", root]
    assert resolve_media_path(str(root / "kai.png"), roots=roots) == world.good_file
    assert resolve_media_path(str(world.good_file), roots=roots) == world.good_file


def test_without_roots_every_path_is_refused(world: HostileFolder) -> None:
    with pytest.raises(InvalidError):
        resolve_media_path(str(world.good_file), roots=[])


def test_roots_come_from_the_settings_and_takes_must_be_videos(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, media_roots=(Path("/srv/music"),))
    assert media_roots(settings) == (tmp_path.resolve() / "media", Path("/srv/music"))
    assert video_roots(settings) == (*media_roots(settings), tmp_path.resolve() / "renders")


def test_a_file_that_only_another_user_may_read_is_refused(world: HostileFolder) -> None:
    world.good_file.chmod(0o600)
    with run_as_other_user(world):
        error = refusal(str(world.good_file), world)
    assert "may read" in error.message


def test_a_file_that_is_replaced_with_a_link_is_never_followed(world: HostileFolder) -> None:
    """While the file is opened, the folder is swapped thousands of times with a link to the secret's folder."""
    folder, moved_folder, link = world.media / "deep", world.media / "aside", world.media / "link"
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            folder.rename(moved_folder)
            link.symlink_to(world.outside_folder / "deep")
            link.rename(folder)
            folder.unlink()
            moved_folder.rename(folder)

    swapping = threading.Thread(target=swap)
    swapping.start()
    counts: dict[bytes, int] = {INSIDE: 0, SECRET: 0, b"refused": 0}
    try:
        while min(counts[INSIDE], counts[b"refused"]) < 100:
            counts[read_or_refuse(folder / "rin.png", world)] += 1
    finally:
        stop.set()
        swapping.join()
    assert counts[SECRET] == 0


def read_or_refuse(path: Path, world: HostileFolder) -> bytes:
    try:
        with open_media(path, roots=[world.media]) as file:
            return file.read()
    except InvalidError:
        return b"refused"


@contextlib.contextmanager
def run_as_other_user(world: HostileFolder) -> Iterator[None]:
    """Act as a user who does not own the files. Root can read everything, so it gives up its rights."""
    if os.geteuid() != 0:
        world.good_file.chmod(0)
        yield
        return
    world.media.parent.parent.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
