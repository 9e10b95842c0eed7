"""A file in use becomes a track, once."""

from __future__ import annotations

import threading
from pathlib import Path

from db.engine import SessionFactory
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import nonzero_counts, run_scan
from tower.library.tracks import get_or_add_track
from tower.media.roots import resolve_media_path


def test_using_a_file_makes_it_a_track(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "theme-120.wav")
    path = resolve_media_path(str(root / "theme-120.wav"), roots=[root])
    with sessions.begin() as session:
        first = get_or_add_track(session, path, roots=[root]).id
    with sessions.begin() as session:
        assert get_or_add_track(session, path, roots=[root]).id == first
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 1, "unchanged": 1}


def test_two_concurrent_uses_of_a_new_file_make_one_track(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    path = sounds(root / "a.wav")
    track_ids: list[int] = []
    barrier = threading.Barrier(4)

    def use() -> None:
        barrier.wait()
        with sessions.begin() as session:
            track_ids.append(get_or_add_track(session, path, roots=[root]).id)

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(set(track_ids)) == 1
    assert len(track_ids) == 4
