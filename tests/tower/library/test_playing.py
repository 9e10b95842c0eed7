"""Copies for browsers, encoded in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from db.models.library import Track
from tests.tower.library.conftest import Make
from tower.library.playing import OpusCache
from tower.media.decode import MediaUnreadableError


class AtOnce(Executor):
    """An executor that has finished by the time `submit` returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done = Future[Any]()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def test_a_copy_that_failed_immediately_is_encoded_once_the_file_is_whole(
    root: Path, sounds: Make, tmp_path: Path
) -> None:
    path = sounds(root / "alac.m4a", "-c:a", "alac")
    track = Track(root=str(root), folder="", filename=path.name, sha256="ab" * 32)
    content, copies = path.read_bytes(), OpusCache(tmp_path / "copies", threads=AtOnce())
    paths: list[Path] = []

    def ask() -> None:
        path.write_bytes(b"")
        for _ in range(2):
            with pytest.raises(MediaUnreadableError):
                copies.get_copy(track, [root])
        path.write_bytes(content)
        paths.append(copies.get_copy(track, [root]).path)

    asking = threading.Thread(target=ask, daemon=True)  # It once waited for itself without end.
    asking.start()
    asking.join(timeout=30)
    assert [path.stat().st_size > 0 for path in paths] == [True]
