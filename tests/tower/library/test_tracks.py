"""A file that is used becomes a track, once."""

from __future__ import annotations

import threading
from pathlib import Path

from db.engine import SessionFactory
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import nonzero_counts, run_scan
from tower.library.tracks import get_or_add_track
from tower.media.roots import resolve_media_path


def test_a_file_that_is_used_is_a_track_from_then_on(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "theme-120.wav")
    path = resolve_media_path(str(root / "theme-120.wav"), roots=[root])
    with sessions.begin() as session:
        first = get_or_add_track(session, path, roots=[root]).id
    with sessions.begin() as session:
        assert get_or_add_track(session, path, roots=[root]).id == first
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 1, "unchanged": 1}


def test_two_that_use_a_new_file_at_once_make_one_track(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    path = sounds(root / "a.wav")
    found: list[int] = []
    barrier = threading.Barrier(4)

    def use() -> None:
        barrier.wait()
        with sessions.begin() as session:
            found.append(get_or_add_track(session, path, roots=[root]).id)

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(set(found)) == 1
    assert len(found) == 4
