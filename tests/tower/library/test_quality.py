"""Quality measurements of sounds with known faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tower.library.conftest import Make
from tower.library.quality import SoundQuality, measure_quality
from tower.library.reading import read_facts
from tower.media.decode import MediaUnreadableError

NOISE = "anoisesrc=color=white:amplitude=0.3:sample_rate=44100:seed=7"


def measure(path: Path) -> SoundQuality:
    with path.open("rb") as file:
        facts = read_facts(file, path.name, path.stat().st_size)
        file.seek(0)
        return measure_quality(file, path, kind=facts.kind, codec=facts.codec, bitrate=facts.bitrate)


def test_loudness_agrees_with_ebu_tech_3341(tmp_path: Path, sounds: Make) -> None:
    """EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS has -23 LUFS."""
    tone = "aevalsrc='pow(10,-23/20)*sin(2*PI*1000*t)|pow(10,-23/20)*sin(2*PI*1000*t)':s=48000"
    quality = measure(sounds(tmp_path / "a.wav", seconds=20, tone=tone))
    assert quality.loudness_lufs == pytest.approx(-23.0, abs=0.1)
    assert quality.true_peak_dbtp == pytest.approx(-23.0, abs=0.2)
    assert quality.faults == []


def test_each_clipped_place_is_counted_once(tmp_path: Path, sounds: Make) -> None:
    loud = "aevalsrc='clip(2*sin(2*PI*100*t),-1,1)':s=44100"
    quality = measure(sounds(tmp_path / "a.wav", seconds=2, tone=loud))
    assert quality.clipped_places == pytest.approx(400, abs=2)  # Both halves of 100 waves per second.
    assert "clipped in" in quality.faults[0]
    clean = measure(sounds(tmp_path / "b.wav", seconds=2, tone="aevalsrc='0.999*sin(2*PI*100*t)':s=44100"))
    assert clean.clipped_places == 0


def test_silence_is_measured_at_both_ends(tmp_path: Path, sounds: Make) -> None:
    tone = "aevalsrc='0.5*sin(2*PI*440*t)*between(t,6,8)':s=44100"
    quality = measure(sounds(tmp_path / "a.flac", seconds=10, tone=tone))
    assert quality.leading_silence_s == pytest.approx(6, abs=0.1)
    assert quality.trailing_silence_s == pytest.approx(2, abs=0.1)
    assert quality.silence_share == pytest.approx(0.8, abs=0.02)
    assert "6.0 s of silence before" in quality.faults[0]
    silent = measure(sounds(tmp_path / "b.wav", seconds=2, tone="anullsrc=r=44100"))
    assert (silent.silence_share, silent.loudness_lufs, silent.faults) == (1, None, ["silent throughout"])


@pytest.mark.parametrize(("bitrate", "content"), [("64k", 64_000), ("128k", 128_000)])
def test_a_lossless_file_made_from_an_mp3_is_suspect(tmp_path: Path, sounds: Make, bitrate: str, content: int) -> None:
    mp3 = sounds(tmp_path / "a.mp3", "-ac", "2", "-b:a", bitrate, seconds=6, tone=NOISE)
    honest = measure(mp3)
    assert (honest.suspect, honest.lossless) == (False, False)
    sounds(tmp_path / "b.flac", "-i", str(mp3), "-map", "1:a", seconds=6, tone=NOISE)
    fake = measure(tmp_path / "b.flac")
    assert (fake.suspect, fake.lossless, fake.content_bitrate) == (True, True, content)
    assert "claims to be lossless" in fake.faults[-1]


@pytest.mark.parametrize("tone", [NOISE, "sine=440", "anoisesrc=color=pink:amplitude=0.5:sample_rate=44100:seed=7"])
def test_a_true_lossless_file_is_not_suspect(tmp_path: Path, sounds: Make, tone: str) -> None:
    quality = measure(sounds(tmp_path / "a.flac", seconds=6, tone=tone))
    assert (quality.suspect, quality.cutoff_hz) == (False, None)


def test_unusual_sounds_are_measured_too(tmp_path: Path, sounds: Make) -> None:
    eight = measure(sounds(tmp_path / "a.flac", "-ac", "8", seconds=2))
    fast = measure(sounds(tmp_path / "b.flac", "-ar", "192000", seconds=2))
    assert eight.loudness_lufs is not None
    assert fast.loudness_lufs is not None
    assert not fast.suspect


def test_a_file_that_does_not_decode_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + bytes(40))
    with path.open("rb") as file, pytest.raises(MediaUnreadableError):
        measure_quality(file, path, kind="wav", codec="pcm_s16le", bitrate=None)
