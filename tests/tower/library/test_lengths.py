"""The length of a file, whatever its header says, and its correction once the sound was decoded."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from db.engine import SessionFactory
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import run_scan, tracks_by_filename, unreadable_reasons
from tower.library.lengths import save_decoded_length
from tower.library.reading import read_facts
from tower.library.tracks import find

NOISE = "anoisesrc=sample_rate=44100:seed=7:amplitude=0.4"
# Silence and noise by turns: the bit rate varies, and Vorbis switches its blocks.
VARIED = "aevalsrc='(random(0)-0.5)*lt(mod(t,4),2)+0.3*sin(2*PI*440*t)*gt(mod(t,0.5),0.45)':s=44100"


def length_of(path: Path) -> tuple[float, str | None]:
    with path.open("rb") as file:
        facts = read_facts(file, path.name, path.stat().st_size)
    return facts.duration_s, facts.fault


def assert_whole(path: Path, seconds: float, *, abs_s: float) -> None:
    length_s, fault = length_of(path)
    assert length_s == pytest.approx(seconds, abs=abs_s)
    assert fault is None


def decoded_s(path: Path) -> float:
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        return sum(frame.samples for frame in container.decode(audio=0)) / rate


@pytest.mark.parametrize("options", [("-q:a", "0"), ("-q:a", "9"), ("-b:a", "200k")])
def test_a_whole_ogg_has_no_fault(tmp_path: Path, sounds: Make, options: tuple[str, ...]) -> None:
    path = sounds(tmp_path / "a.ogg", "-c:a", "libvorbis", *options, seconds=40, tone=VARIED)
    assert_whole(path, 40, abs_s=0.002)


def test_an_mp3_has_its_real_length_whatever_its_header_says(tmp_path: Path, sounds: Make) -> None:
    whole = sounds(tmp_path / "whole.mp3", "-q:a", "4", seconds=20, tone=VARIED)
    content = whole.read_bytes()
    frames_at = content.index(b"Xing") + 8
    frames = int.from_bytes(content[frames_at : frames_at + 4], "big")
    expected_s = decoded_s(whole)
    assert_whole(whole, expected_s, abs_s=0.03)
    for name, count in (("doubled", frames * 2), ("halved", frames // 2)):
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(content[:frames_at] + count.to_bytes(4, "big") + content[frames_at + 4 :])
        length_s, fault = length_of(path)
        assert length_s == pytest.approx(expected_s, abs=0.1)
        assert "its header says" in (fault or "")
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(content + content)
    length_s, fault = length_of(joined)
    assert length_s == pytest.approx(2 * expected_s, abs=0.2)
    assert "its header says" in (fault or "")


def test_an_mp3_without_a_header_is_counted(tmp_path: Path, sounds: Make) -> None:
    for name, options in (("vbr", ("-q:a", "4")), ("cbr", ("-b:a", "128k"))):
        path = sounds(tmp_path / f"{name}.mp3", *options, "-write_xing", "0", seconds=20, tone=VARIED)
        assert_whole(path, 20, abs_s=0.1)
    covered = tmp_path / "covered.mp3"
    covered.write_bytes((tmp_path / "cbr.mp3").read_bytes() + ape_tag({"Cover Art (Front)": bytes(range(256)) * 2800}))
    assert_whole(covered, 20, abs_s=0.15)


def test_a_file_whose_padding_exceeds_its_sound_is_unreadable_and_the_scan_goes_on(
    root: Path, sounds: Make, sessions: SessionFactory
) -> None:
    for number in range(3):
        sounds(root / f"{number}.mp3", title=str(number))
    path = sounds(root / "1.mp3", "-b:a", "128k", seconds=0.05)
    content = bytearray(path.read_bytes())
    delay_at = content.index(b"Lav", content.index(b"Info")) + 21
    content[delay_at : delay_at + 3] = b"\xff\xff\xff"  # 4,095 samples of delay and as many of padding
    path.write_bytes(content)
    done = run_scan(sessions, root)
    assert set(tracks_by_filename(sessions)) == {"0.mp3", "2.mp3"}
    assert "holds no sound that can be played" in unreadable_reasons(sessions, done.id)["1.mp3"]


def test_the_decoded_length_corrects_the_row_and_says_so(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    sounds(root / "a.mp3", seconds=2)
    run_scan(sessions, root)
    track = tracks_by_filename(sessions)["a.mp3"]
    save_decoded_length(sessions, track.id, sha256="0" * 64, decoded_s=9)
    save_decoded_length(sessions, track.id, sha256=track.sha256, decoded_s=7.25)
    with sessions() as session:
        corrected = find(session, track.id)
    assert corrected.duration_s == 7.25
    assert corrected.fault == "its header says 2 s, its sound lasts 7.2 s"


def ape_tag(items: dict[str, bytes]) -> bytes:
    body = b"".join(
        len(value).to_bytes(4, "little") + bytes(4) + name.encode() + b"\0" + value for name, value in items.items()
    )
    size = (len(body) + 32).to_bytes(4, "little")
    return body + b"APETAGEX" + (2000).to_bytes(4, "little") + size + len(items).to_bytes(4, "little") + bytes(12)
