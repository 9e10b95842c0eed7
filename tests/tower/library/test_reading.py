"""Hostile, damaged and unusual files. Each is read or refused with a reason, quickly."""

from __future__ import annotations

import io
import math
import os
import random
import time
from pathlib import Path

import pytest

from db.engine import SessionFactory
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import run_scan, tracks_by_filename, unreadable_reasons
from tower.library.reading import read_facts
from tower.media.decode import MediaUnreadableError


def test_hostile_files_are_refused_with_a_reason_within_a_second(
    root: Path, sounds: Make, sessions: SessionFactory, tmp_path: Path
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
    done = run_scan(sessions, root)
    took = time.monotonic() - began
    reasons = unreadable_reasons(sessions, done.id)
    assert set(tracks_by_filename(sessions)) == {"good.flac"}
    assert set(reasons) == {
        *("empty.mp3", "text.mp3", "zeros.mp3", "head.m4a", "pipe.mp3", "out.mp3", "nothing.mp3", "film.m4a"),
        *("list.mp3", r"bad-\xff.mp3"),
    }
    assert "empty" in reasons["empty.mp3"]
    assert "moving pictures" in reasons["film.m4a"]
    assert "not a regular file" in reasons["pipe.mp3"]
    assert "outside the library" in reasons["out.mp3"]
    assert "broken link" in reasons["nothing.mp3"]
    assert took < len(reasons)


def test_unusual_but_playable_files_are_accepted_with_their_faults(
    root: Path, sounds: Make, sessions: SessionFactory, tmp_path: Path
) -> None:
    for name in ("cut.flac", "cut.mp3", "cut.wav"):
        sound_file = sounds(tmp_path / name, seconds=30)
        (root / name).write_bytes(sound_file.read_bytes()[: sound_file.stat().st_size // 2])
    sounds(root / "eight.flac", "-ac", "8")
    sounds(root / "fast.flac", "-ar", "192000")
    lie = bytearray(sounds(tmp_path / "lie.wav", seconds=2).read_bytes())
    for offset in (4, lie.index(b"data") + 4):
        lie[offset : offset + 4] = (10 * 3600 * 88_200).to_bytes(4, "little")
    (root / "ten-hours.wav").write_bytes(lie)
    sounds(root / "really-flac.flac").rename(root / "really-flac.mp3")
    tagged = bytearray(sounds(root / "tags.mp3", title="A" * 40, artist="B").read_bytes())
    tag_offset = tagged.index(b"A" * 40)
    tagged[tag_offset : tag_offset + 4] = b"\xff\x00\xfe\x01"
    (root / "tags.mp3").write_bytes(tagged)

    began = time.monotonic()
    done = run_scan(sessions, root)
    assert time.monotonic() - began < 8
    assert unreadable_reasons(sessions, done.id) == {}
    tracks = tracks_by_filename(sessions)
    for name in ("cut.flac", "cut.mp3", "cut.wav", "ten-hours.wav"):
        assert "cut off: its header says" in (tracks[name].fault or ""), name
    assert tracks["cut.flac"].duration_s == pytest.approx(15, abs=1.5)
    assert tracks["cut.mp3"].duration_s == pytest.approx(15, abs=1.5)
    assert tracks["ten-hours.wav"].duration_s == pytest.approx(2, abs=0.1)
    assert (tracks["eight.flac"].channels, tracks["fast.flac"].sample_rate) == (8, 192_000)
    assert tracks["really-flac.mp3"].kind == "flac"
    assert tracks["tags.mp3"].artist == "B"
    assert {name: row.fault for name, row in tracks.items() if row.fault}.keys() == {
        *("cut.flac", "cut.mp3", "cut.wav", "ten-hours.wav")
    }


def test_damaged_files_of_any_kind_are_read_or_refused(tmp_path: Path, sounds: Make) -> None:
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
            facts = read_facts(io.BytesIO(damaged), "damaged", len(damaged))
            assert math.isfinite(facts.duration_s)
        except MediaUnreadableError:
            refused += 1
        assert time.monotonic() - began < 1
    assert 20 < refused < 180
