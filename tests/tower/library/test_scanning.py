"""Scans of real folders: what is there becomes tracks, what changed is noticed, what is bad is listed."""

from __future__ import annotations

import io
import math
import os
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from db.engine import Sessions
from db.models.library import ScanState
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import ended, figures, refused, scan, tracks
from tower.errors import CancelledError, ConflictError
from tower.library.reading import read
from tower.library.scanning import Scanning, Tally
from tower.library.scans import INTERRUPTED, LibraryScans
from tower.library.tracks import track_of
from tower.media.decode import MediaUnreadableError
from tower.media.roots import media_path


def test_every_format_becomes_a_track_with_its_tags(root: Path, sounds: Make, sessions: Sessions) -> None:
    for ending in ("mp3", "m4a", "flac", "ogg", "opus", "wav"):
        sounds(root / ending / f"song.{ending}", title="夜に駆ける", artist="YOASOBI", genre="J-Pop", TBPM="130")
        (root / ending / f"song.{ending}").rename(root / ending / f"{ending}.{ending}")
    assert figures(scan(sessions, root)) == {"files_seen": 6, "added": 6}
    found = tracks(sessions)
    assert {row.kind for row in found.values()} == {"mp3", "m4a", "flac", "ogg", "opus", "wav"}
    for row in found.values():
        assert (row.title, row.artist, row.genre, row.channels) == ("夜に駆ける", "YOASOBI", "J-Pop", 1)
        assert row.duration_s == pytest.approx(1, abs=0.08)
    assert found["mp3.mp3"].bpm == found["mp3.mp3"].tag_bpm == 130
    assert found["mp3.mp3"].root == str(root)


def test_tempo_of_an_m4a_and_gain_of_a_flac_are_read(root: Path, sounds: Make, sessions: Sessions) -> None:
    sounds(root / "a.m4a", tmpo="128")
    sounds(root / "b.flac", bpm="128.4", REPLAYGAIN_TRACK_GAIN="-6.1 dB")
    sounds(root / "c.opus", R128_TRACK_GAIN="-512")
    sounds(root / "d.mp3", TBPM="0")
    scan(sessions, root)
    found = tracks(sessions)
    assert (found["a.m4a"].tag_bpm, found["b.flac"].tag_bpm, found["d.mp3"].tag_bpm) == (128, 128.4, None)
    assert (found["b.flac"].gain_db, found["c.opus"].gain_db, found["a.m4a"].gain_db) == (-6.1, 3, None)
    assert found["a.m4a"].title == "a"


def test_second_scan_finds_everything_unchanged(root: Path, sounds: Make, sessions: Sessions) -> None:
    sounds(root / "a.mp3")
    sounds(root / "deep" / "er" / "b.flac")
    scan(sessions, root)
    assert figures(scan(sessions, root)) == {"files_seen": 2, "unchanged": 2}


def test_a_changed_file_is_read_again_and_keeps_its_number(root: Path, sounds: Make, sessions: Sessions) -> None:
    sounds(root / "a.mp3", title="old")
    scan(sessions, root)
    before = tracks(sessions)["a.mp3"]
    sounds(root / "a.mp3", title="new")
    assert figures(scan(sessions, root)) == {"files_seen": 1, "changed": 1}
    after = tracks(sessions)["a.mp3"]
    assert (after.id, after.title) == (before.id, "new")
    assert after.sha256 != before.sha256


def test_a_moved_file_is_the_same_track(root: Path, sounds: Make, sessions: Sessions) -> None:
    sounds(root / "a.mp3", title="one")
    scan(sessions, root)
    before = tracks(sessions)["a.mp3"]
    (root / "new").mkdir()
    (root / "a.mp3").rename(root / "new" / "b.mp3")
    assert figures(scan(sessions, root)) == {"files_seen": 1, "moved": 1}
    after = tracks(sessions)
    assert list(after) == ["b.mp3"]
    assert (after["b.mp3"].id, after["b.mp3"].folder) == (before.id, "new")


def test_a_copy_is_a_track_of_its_own(root: Path, sounds: Make, sessions: Sessions) -> None:
    sounds(root / "a.mp3")
    scan(sessions, root)
    shutil.copyfile(root / "a.mp3", root / "b.mp3")
    assert figures(scan(sessions, root)) == {"files_seen": 2, "unchanged": 1, "added": 1}


def test_what_vanished_is_marked_and_not_deleted(root: Path, sounds: Make, sessions: Sessions) -> None:
    kept = sounds(root / "kept.mp3")
    sounds(root / "a.mp3", title="a")
    sounds(root / "album" / "b.mp3", title="b")
    scan(sessions, root)
    (root / "a.mp3").unlink()
    shutil.rmtree(root / "album")
    assert figures(scan(sessions, root)) == {"files_seen": 1, "unchanged": 1, "missing": 2}
    gone = {name for name, row in tracks(sessions).items() if row.missing_since}
    assert gone == {"a.mp3", "b.mp3"}

    times = kept.stat()
    sounds(root / "a.mp3", title="a")
    os.utime(root / "a.mp3", ns=(times.st_mtime_ns, times.st_mtime_ns))
    assert figures(scan(sessions, root))["files_seen"] == 2
    assert tracks(sessions)["a.mp3"].missing_since is None


def test_a_folder_that_is_not_mounted_loses_no_track(root: Path, sounds: Make, sessions: Sessions) -> None:
    sounds(root / "a.mp3")
    scan(sessions, root)
    root.rename(root.with_name("elsewhere"))
    done = scan(sessions, root)
    assert figures(done) == {"unreadable": 1}
    assert "left as they are" in refused(sessions, done.id)["music"]
    assert tracks(sessions)["a.mp3"].missing_since is None


def test_a_track_keeps_its_number_when_the_library_folders_are_set_otherwise(
    root: Path, sounds: Make, sessions: Sessions
) -> None:
    sounds(root / "rock" / "a.mp3", title="a")
    sounds(root / "b.mp3", title="b")
    scan(sessions, root)
    before = {name: row.id for name, row in tracks(sessions).items()}
    assert figures(scan(sessions, root / "rock")) == {"files_seen": 1, "moved": 1, "missing": 1}
    assert figures(scan(sessions, root)) == {"files_seen": 2, "unchanged": 1, "moved": 1}
    after = tracks(sessions)
    assert {name: row.id for name, row in after.items()} == before
    assert [row.missing_since for row in after.values()] == [None, None]


def test_hostile_files_are_listed_with_a_reason_within_a_second(
    root: Path, sounds: Make, sessions: Sessions, tmp_path: Path
) -> None:
    good = sounds(root / "good.flac", seconds=20)
    (root / "empty.mp3").touch()
    (root / "text.mp3").write_text("this is no music\n" * 500)
    (root / "zeros.mp3").write_bytes(bytes(300_000))
    (root / "head.m4a").write_bytes(sounds(tmp_path / "whole.m4a").read_bytes()[:3000])
    os.mkfifo(root / "pipe.mp3")
    (root / "out.mp3").symlink_to(sounds(tmp_path / "outside.mp3"))
    (root / "nothing.mp3").symlink_to(root / "absent.mp3")
    (root / "inside.mp3").symlink_to(good)
    sounds(root / "film.mp4", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-t", "1", "-shortest")
    (root / "film.mp4").rename(root / "film.m4a")
    (root / "list.mp3").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n")
    with (root / os.fsdecode(b"bad-\xff.mp3")).open("wb") as odd:
        odd.write(b"x")
    began = time.monotonic()
    done = scan(sessions, root)
    took = time.monotonic() - began
    found = refused(sessions, done.id)
    assert set(tracks(sessions)) == {"good.flac"}
    assert set(found) == {
        *("empty.mp3", "text.mp3", "zeros.mp3", "head.m4a", "pipe.mp3", "out.mp3", "nothing.mp3", "film.m4a"),
        *("list.mp3", r"bad-\xff.mp3"),
    }
    assert "empty" in found["empty.mp3"]
    assert "moving pictures" in found["film.m4a"]
    assert "no regular file" in found["pipe.mp3"]
    assert "out of the library" in found["out.mp3"]
    assert "link to nothing" in found["nothing.mp3"]
    assert took < len(found)


def test_odd_but_playable_files_are_taken_and_their_faults_told(
    root: Path, sounds: Make, sessions: Sessions, tmp_path: Path
) -> None:
    for name in ("cut.flac", "cut.mp3", "cut.wav"):
        whole = sounds(tmp_path / name, seconds=30)
        (root / name).write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    sounds(root / "eight.flac", "-ac", "8")
    sounds(root / "fast.flac", "-ar", "192000")
    lie = bytearray(sounds(tmp_path / "lie.wav", seconds=2).read_bytes())
    for at in (4, lie.index(b"data") + 4):
        lie[at : at + 4] = (10 * 3600 * 88_200).to_bytes(4, "little")
    (root / "ten-hours.wav").write_bytes(lie)
    sounds(root / "really-flac.flac").rename(root / "really-flac.mp3")
    tagged = bytearray(sounds(root / "tags.mp3", title="A" * 40, artist="B").read_bytes())
    at = tagged.index(b"A" * 40)
    tagged[at : at + 4] = b"\xff\x00\xfe\x01"
    (root / "tags.mp3").write_bytes(tagged)

    began = time.monotonic()
    done = scan(sessions, root)
    assert time.monotonic() - began < 8
    assert refused(sessions, done.id) == {}
    found = tracks(sessions)
    for name in ("cut.flac", "cut.mp3", "cut.wav", "ten-hours.wav"):
        assert "cut off: its header says" in (found[name].fault or ""), name
    assert found["cut.flac"].duration_s == pytest.approx(15, abs=1.5)
    assert found["cut.mp3"].duration_s == pytest.approx(15, abs=1.5)
    assert found["ten-hours.wav"].duration_s == pytest.approx(2, abs=0.1)
    assert (found["eight.flac"].channels, found["fast.flac"].sample_rate) == (8, 192_000)
    assert found["really-flac.mp3"].kind == "flac"
    assert found["tags.mp3"].artist == "B"
    assert {name: row.fault for name, row in found.items() if row.fault}.keys() == {
        *("cut.flac", "cut.mp3", "cut.wav", "ten-hours.wav")
    }


def test_one_scan_at_a_time_and_it_can_be_cancelled(root: Path, sounds: Make, sessions: Sessions) -> None:
    first = sounds(root / "0.mp3")
    for number in range(1, 400):
        (root / f"{number}.mp3").write_bytes(first.read_bytes() + bytes(number))
    scans = LibraryScans(sessions.kw["bind"], [root])
    try:
        scan_id = scans.start()
        with pytest.raises(ConflictError) as refusal:
            scans.start()
        assert refusal.value.details == {"scan_id": scan_id}
    finally:
        scans.stop()
    stopped = ended(sessions, scan_id)
    assert stopped.state == ScanState.CANCELLED
    assert stopped.files_seen < 400
    assert figures(scan(sessions, root))["files_seen"] == 400


def test_scan_of_a_service_that_died_is_said_to_have_failed(root: Path, sessions: Sessions) -> None:
    from db.models.library import LibraryScan

    with sessions.begin() as session:
        left = LibraryScan(state=ScanState.RUNNING, roots=[str(root)])
        session.add(left)
        session.flush()
        left_id = left.id
    scan(sessions, root)
    assert (ended(sessions, left_id).state, ended(sessions, left_id).error) == (ScanState.FAILED, INTERRUPTED)


def test_cancelling_keeps_what_was_done(root: Path, sounds: Make, sessions: Sessions) -> None:
    from db.models.library import LibraryScan

    for number in range(5):
        sounds(root / f"{number}.mp3", title=str(number))
    with sessions.begin() as session:
        row = LibraryScan(state=ScanState.RUNNING)
        session.add(row)
        session.flush()
        scan_id = row.id

    def after_two(tally: Tally) -> None:
        if tally.added == 2:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        Scanning(sessions, scan_id, [root], after_two).run()
    assert len(tracks(sessions)) == 2


def test_a_file_that_is_used_is_a_track_from_then_on(root: Path, sounds: Make, sessions: Sessions) -> None:
    sounds(root / "theme-120.wav")
    path = media_path(str(root / "theme-120.wav"), roots=[root])
    with sessions.begin() as session:
        first = track_of(session, path, roots=[root]).id
    with sessions.begin() as session:
        assert track_of(session, path, roots=[root]).id == first
    assert figures(scan(sessions, root)) == {"files_seen": 1, "unchanged": 1}


def test_two_that_use_a_new_file_at_once_make_one_track(root: Path, sounds: Make, sessions: Sessions) -> None:
    path = sounds(root / "a.wav")
    found: list[int] = []
    barrier = threading.Barrier(4)

    def use() -> None:
        barrier.wait()
        with sessions.begin() as session:
            found.append(track_of(session, path, roots=[root]).id)

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(set(found)) == 1
    assert len(found) == 4


def test_damaged_files_of_any_kind_are_read_or_refused_and_nothing_else(tmp_path: Path, sounds: Make) -> None:
    chance = random.Random(8315)
    endings = ("mp3", "m4a", "flac", "ogg", "wav")
    wholes = [sounds(tmp_path / f"a.{ending}", title="A").read_bytes() for ending in endings]
    refused = 0
    for number in range(200):
        damaged = bytearray(wholes[number % len(wholes)])
        for _ in range(chance.randint(1, 30)):
            damaged[chance.randrange(min(len(damaged), 3000))] = chance.randrange(256)
        if chance.random() < 0.3:
            del damaged[chance.randrange(1, len(damaged)) :]
        began = time.monotonic()
        try:
            facts = read(io.BytesIO(damaged), "damaged", len(damaged))
            assert math.isfinite(facts.duration_s)
        except MediaUnreadableError:
            refused += 1
        assert time.monotonic() - began < 1
    assert 20 < refused < 180
