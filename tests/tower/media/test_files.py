import errno
import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from tower.media.files import DiskFullError, publish_copy, sha256_of, write_atomically


def encode_half(part: Path) -> None:
    part.write_bytes(b"half")
    raise RuntimeError


def test_a_written_file_appears_complete_under_its_name(tmp_path: Path) -> None:
    target = tmp_path / "new" / "clip.mp4"
    with write_atomically(target) as part:
        part.write_bytes(b"film")
        assert part.parent == target.parent
        assert part.suffix == ".mp4"
        assert not target.exists()
    assert target.read_bytes() == b"film"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_keeps_the_old_file_and_leaves_no_new_one(tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), write_atomically(target) as part:
        encode_half(part)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), write_atomically(tmp_path / "clip.mp4"):
        pass


def test_a_full_disk_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match="disk is full") as caught, write_atomically(tmp_path / "clip.mp4"):
        Path("/dev/full").write_bytes(b"film")
    assert caught.value.code == "DISK_FULL"
    assert caught.value.status == 507
    assert list(tmp_path.iterdir()) == []


def test_other_system_errors_are_not_reported_as_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Permission denied"), write_atomically(tmp_path / "clip.mp4"):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def test_placing_keeps_the_source_and_replaces_the_target(tmp_path: Path) -> None:
    source, target = tmp_path / "clip.mp4", tmp_path / "ab" / "kept.mp4"
    source.write_bytes(b"film")
    target.parent.mkdir()
    target.write_bytes(b"damaged")
    publish_copy(source, target)
    assert source.read_bytes() == target.read_bytes() == b"film"
    assert list(target.parent.iterdir()) == [target]


def test_placing_works_across_file_systems(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        source = Path(folder) / "clip.mp4"
        if source.parent.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("/dev/shm and the test folder are one file system")
        source.write_bytes(b"film")
        publish_copy(source, tmp_path / "kept.mp4")
    assert (tmp_path / "kept.mp4").read_bytes() == b"film"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.mp4"]


def test_placing_a_missing_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        publish_copy(tmp_path / "none.mp4", tmp_path / "ab" / "kept.mp4")
    assert list((tmp_path / "ab").iterdir()) == []


def test_the_hash_of_a_large_file_is_the_hash_of_its_bytes(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "clip.mp4").write_bytes(data)
    assert sha256_of(tmp_path / "clip.mp4") == hashlib.sha256(data).hexdigest()
