"""Key, sections, energy and drops of sounds where they are known, and none of them for sounds without any."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.tower.beats.sounds import Signal, write_wav
from tests.tower.beats.structure import songs
from tests.tower.beats.structure.songs import RATE_HZ
from tower.beats.analysis import analyse
from tower.beats.structure import sections
from tower.beats.structure.analysis import find_structure
from tower.beats.structure.features import compute_features
from tower.beats.structure.results import Structure


def structure_of(path: Path, sound: Signal, *, rate_hz: int = RATE_HZ, channels: int = 1) -> Structure:
    write_wav(path / "sound.wav", sound, rate_hz=rate_hz, channels=channels)
    beats = analyse(path / "sound.wav")
    structure = find_structure(path / "sound.wav", beats.beat_times_s, beats.downbeat_times_s)
    json.dumps(structure.as_json(), allow_nan=False)
    assert Structure.from_json(json.loads(json.dumps(structure.as_json()))) == structure
    return structure


@pytest.mark.parametrize(("up", "tonic"), [(0, "C"), (3, "D#"), (-2, "A#")])
def test_a_major_key_is_found_in_any_register(tmp_path: Path, up: int, tonic: str) -> None:
    key = structure_of(tmp_path, songs.chords(songs.C_MAJOR, 8, up=up)).key
    assert key is not None
    assert (key.tonic, key.mode) == (tonic, "major")
    assert 0.5 < key.confidence <= 1


def test_a_minor_key_is_not_mistaken_for_its_relative(tmp_path: Path) -> None:
    key = structure_of(tmp_path, songs.chords(songs.A_MINOR, 8)).key
    assert key is not None
    assert (key.tonic, key.mode) == ("A", "minor")


def test_sections_begin_where_the_music_changes_and_repeated_sections_share_a_letter(tmp_path: Path) -> None:
    structure = structure_of(tmp_path, songs.three_parts())
    assert [part.start_s for part in structure.sections] == pytest.approx([0, 24, 48], abs=1.05)  # two beats
    assert [part.label for part in structure.sections] == ["A", "B", "A"]
    assert structure.sections[-1].end_s == pytest.approx(72, abs=0.1)
    assert structure.sections[1].energy > 2 * structure.sections[0].energy
    (drop,) = structure.drops
    assert drop.time_s == structure.sections[1].start_s
    assert drop.rise_db > 6


def test_the_energy_curve_follows_the_sound_with_few_values(tmp_path: Path) -> None:
    structure = structure_of(tmp_path, songs.three_parts())
    values = np.array(structure.energy)
    assert len(values) * structure.energy_step_s == pytest.approx(72, abs=1)
    assert values.max() == 1
    third = len(values) // 3
    assert values[third + 2 : 2 * third - 2].mean() > 2 * values[: third - 2].mean()


def test_hours_of_music_give_a_bounded_curve_and_a_key_but_no_sections() -> None:
    from tower.beats.structure.analysis import build_structure as of_features

    minute = np.resize(songs.chords(songs.C_MAJOR, 4), 60 * RATE_HZ).astype(np.float32)
    minute_features = compute_features([minute])
    long = type(minute_features)(
        *(
            np.concatenate([rows] * 120)
            for rows in (minute_features.chroma, minute_features.timbre, minute_features.power)
        )
    )
    structure = of_features(long, 7200, np.zeros(0), np.zeros(0))
    assert len(structure.energy) <= 400
    assert structure.sections == ()
    assert "15 minutes" in (structure.no_sections or "")
    assert structure.key is not None
    assert structure.key.tonic == "C"


@pytest.mark.parametrize(
    "sound", [np.zeros(30 * RATE_HZ), songs.noise(20), np.zeros(RATE_HZ), songs.tone(60, 0.05), songs.tone(60, 1.5)]
)
def test_silence_noise_and_very_short_sounds_have_no_key_and_a_reason(tmp_path: Path, sound: Signal) -> None:
    structure = structure_of(tmp_path, sound)
    assert structure.key is None
    assert structure.no_key
    assert structure.sections == ()
    assert structure.no_sections
    assert structure.drops == ()


def test_speech_has_no_confident_key(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    syllables = []
    for _ in range(90):
        pitch = 45 + 12 * rng.random()
        syllables += [0.2 * songs.tone(pitch, 0.2, partials=12), np.zeros(int(RATE_HZ * 0.08))]
    structure = structure_of(tmp_path, np.concatenate(syllables))
    assert structure.key is None or structure.key.confidence < 0.9


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (RATE_HZ, 2)])
def test_sample_rate_and_channels_do_not_matter(tmp_path: Path, rate_hz: int, channels: int) -> None:
    sound = songs.chords(songs.C_MAJOR, 8)
    if rate_hz == 8000:
        sound = np.interp(np.arange(0, len(sound), RATE_HZ / rate_hz), np.arange(len(sound)), sound)
    key = structure_of(tmp_path, sound, rate_hz=rate_hz, channels=channels).key
    assert key is not None
    assert (key.tonic, key.mode) == ("C", "major")


def test_samples_that_are_not_numbers_are_tolerated() -> None:
    broken = np.full(RATE_HZ, np.nan, np.float32)
    broken[::7] = np.inf
    found_features = compute_features([broken, np.zeros(RATE_HZ, np.float32)])
    assert all(np.isfinite(rows).all() for rows in (found_features.chroma, found_features.timbre, found_features.power))


def test_pieces_of_any_length_give_the_same_features() -> None:
    sound = songs.chords(songs.A_MINOR, 2).astype(np.float32)
    whole_features, parts = compute_features([sound]), compute_features(np.array_split(sound, 17))
    np.testing.assert_allclose(whole_features.chroma, parts.chroma, atol=1e-3, rtol=1e-3)
    np.testing.assert_allclose(whole_features.power, parts.power, atol=1e-6)


def test_few_steps_have_no_section_bounds() -> None:
    rows = np.ones((5, 12))
    steps = sections.BeatFeatures(np.arange(5.0), np.zeros(5, bool), rows, rows)
    assert sections.find_boundaries(steps) == []
