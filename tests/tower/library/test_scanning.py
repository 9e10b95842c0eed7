"""Scans of real folders create tracks from files and detect changes."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from db.engine import SessionFactory
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import nonzero_counts, run_scan, tracks_by_filename, unreadable_reasons
from tower.library.tracks import get_or_add_track


def test_every_format_becomes_a_track_with_its_tags(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    for ending in ("mp3", "m4a", "flac", "ogg", "opus", "wav"):
        sounds(root / ending / f"song.{ending}", title="夜に駆ける", artist="YOASOBI", genre="J-Pop", TBPM="130")
        (root / ending / f"song.{ending}").rename(root / ending / f"{ending}.{ending}")
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 6, "added": 6}
    tracks = tracks_by_filename(sessions)
    assert {row.kind for row in tracks.values()} == {"mp3", "m4a", "flac", "ogg", "opus", "wav"}
    for row in tracks.values():
        assert (row.title, row.artist, row.genre, row.channels) == ("夜に駆ける", "YOASOBI", "J-Pop", 1)
        assert row.duration_s == pytest.approx(1, abs=0.08)
    assert tracks["mp3.mp3"].bpm == tracks["mp3.mp3"].tag_bpm == 130
    assert tracks["mp3.mp3"].root == str(root)


def test_copies_that_tower_has_stored_are_not_the_users_music(
    root: Path, sounds: Make, sessions: SessionFactory
) -> None:
    original = sounds(root / "song.mp3", title="Song")
    digest = hashlib.sha256(original.read_bytes()).hexdigest()
    copy = root / "imports" / digest[:2] / f"{digest}.mp3"
    copy.parent.mkdir(parents=True)
    shutil.copyfile(original, copy)
    shutil.copyfile(original, copy.with_suffix(".1.ogg"))
    shutil.copyfile(original, root / f"{digest}.mp3")  # a name that a user can give
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 2, "added": 2}
    assert set(tracks_by_filename(sessions)) == {"song.mp3", f"{digest}.mp3"}
    with sessions.begin() as session:
        assert get_or_add_track(session, copy, roots=[root]).filename in ("song.mp3", f"{digest}.mp3")


def test_an_original_that_comes_later_takes_over_the_track_of_its_copy(
    root: Path, sounds: Make, sessions: SessionFactory
) -> None:
    original = sounds(root / "song.mp3")
    digest = hashlib.sha256(original.read_bytes()).hexdigest()
    copy = root / digest[:2] / f"{digest}.mp3"
    copy.parent.mkdir()
    original.rename(copy)
    with sessions.begin() as session:  # the scene of an imported project is analysed
        track_id = get_or_add_track(session, copy, roots=[root]).id
    shutil.copyfile(copy, original)
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 1, "moved": 1}
    (track,) = tracks_by_filename(sessions).values()
    assert (track.id, track.title) == (track_id, "song")


def test_tempo_of_an_m4a_and_gain_of_a_flac_are_read(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "a.m4a", tmpo="128")
    sounds(root / "b.flac", bpm="128.4", REPLAYGAIN_TRACK_GAIN="-6.1 dB")
    sounds(root / "c.opus", R128_TRACK_GAIN="-512")
    sounds(root / "d.mp3", TBPM="0")
    run_scan(sessions, root)
    tracks = tracks_by_filename(sessions)
    assert (tracks["a.m4a"].tag_bpm, tracks["b.flac"].tag_bpm, tracks["d.mp3"].tag_bpm) == (128, 128.4, None)
    assert (tracks["b.flac"].gain_db, tracks["c.opus"].gain_db, tracks["a.m4a"].gain_db) == (-6.1, 3, None)
    assert tracks["a.m4a"].title == "a"


def test_a_second_scan_changes_nothing(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "a.mp3")
    sounds(root / "deep" / "er" / "b.flac")
    run_scan(sessions, root)
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 2, "unchanged": 2}


def test_a_changed_file_is_read_again_and_keeps_its_id(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "a.mp3", title="old")
    run_scan(sessions, root)
    track_before = tracks_by_filename(sessions)["a.mp3"]
    sounds(root / "a.mp3", title="new")
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 1, "changed": 1}
    track_after = tracks_by_filename(sessions)["a.mp3"]
    assert (track_after.id, track_after.title) == (track_before.id, "new")
    assert track_after.sha256 != track_before.sha256


def test_a_moved_file_stays_the_same_track(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "a.mp3", title="one")
    run_scan(sessions, root)
    track_before = tracks_by_filename(sessions)["a.mp3"]
    (root / "new").mkdir()
    (root / "a.mp3").rename(root / "new" / "b.mp3")
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 1, "moved": 1}
    tracks_after = tracks_by_filename(sessions)
    assert list(tracks_after) == ["b.mp3"]
    assert (tracks_after["b.mp3"].id, tracks_after["b.mp3"].folder) == (track_before.id, "new")


def test_a_copy_is_a_separate_track(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "a.mp3")
    run_scan(sessions, root)
    shutil.copyfile(root / "a.mp3", root / "b.mp3")
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 2, "unchanged": 1, "added": 1}


def test_a_vanished_file_is_marked_and_not_deleted(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    kept_file = sounds(root / "kept.mp3")
    sounds(root / "a.mp3", title="a")
    sounds(root / "album" / "b.mp3", title="b")
    run_scan(sessions, root)
    (root / "a.mp3").unlink()
    shutil.rmtree(root / "album")
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 1, "unchanged": 1, "missing": 2}
    missing = {name for name, row in tracks_by_filename(sessions).items() if row.missing_since}
    assert missing == {"a.mp3", "b.mp3"}

    times = kept_file.stat()
    sounds(root / "a.mp3", title="a")
    os.utime(root / "a.mp3", ns=(times.st_mtime_ns, times.st_mtime_ns))
    assert nonzero_counts(run_scan(sessions, root))["files_seen"] == 2
    assert tracks_by_filename(sessions)["a.mp3"].missing_since is None


def test_an_unmounted_folder_loses_no_track(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "a.mp3")
    run_scan(sessions, root)
    root.rename(root.with_name("elsewhere"))
    done = run_scan(sessions, root)
    assert nonzero_counts(done) == {"unreadable": 1}
    assert "left as they are" in unreadable_reasons(sessions, done.id)["music"]
    assert tracks_by_filename(sessions)["a.mp3"].missing_since is None


def test_a_track_keeps_its_id_when_the_library_folders_are_reconfigured(
    root: Path, sounds: Make, sessions: SessionFactory
) -> None:
    sounds(root / "rock" / "a.mp3", title="a")
    sounds(root / "b.mp3", title="b")
    run_scan(sessions, root)
    ids_before = {name: row.id for name, row in tracks_by_filename(sessions).items()}
    assert nonzero_counts(run_scan(sessions, root / "rock")) == {"files_seen": 1, "moved": 1, "missing": 1}
    assert nonzero_counts(run_scan(sessions, root)) == {"files_seen": 2, "unchanged": 1, "moved": 1}
    tracks_after = tracks_by_filename(sessions)
    assert {name: row.id for name, row in tracks_after.items()} == ids_before
    assert [row.missing_since for row in tracks_after.values()] == [None, None]
