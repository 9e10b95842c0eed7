"""The sound track of a film: places, levels, speeds, limits, silence, and memory."""

from __future__ import annotations

import tracemalloc
import uuid
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.tower.assembly.golden import FORM, RATE_HZ, Material, click_track, named, write_sound
from tower.assembly.aac import write_silence
from tower.assembly.cut import CUT, Effect, EffectKind, EpisodeCut, MusicCue, Shot, SoundRule, SpeechCue
from tower.assembly.decoding import SoundPart, read_part
from tower.assembly.levels import DYNAMIC_TRACK, FAINT_TRACK, SHORT_TRACK
from tower.assembly.limiter import limit_peaks
from tower.assembly.master import QUIET_TRACK, Master, make_master
from tower.assembly.mix import mix_sources
from tower.assembly.progress import Progress
from tower.assembly.sources import list_sources, to_samples
from tower.conform.loudness import measure_loudness
from tower.conform.sound import Samples

IDLE = Progress(lambda _: None, lambda: False)


def shots(material: Material, *rules: SoundRule) -> EpisodeCut:
    shot = Shot(uuid.UUID(int=1), "One", material.clicking, 0, 48)
    return EpisodeCut(FORM, tuple(replace(shot, sound=rule) for rule in rules), (CUT,) * (len(rules) - 1))


def mixed(cut: EpisodeCut) -> Samples:
    return np.concatenate(list(mix_sources(list_sources(cut), to_samples(cut, cut.frames))), axis=1)


def peak_db(samples: Samples) -> float:
    return float(20 * np.log10(max(1e-9, np.abs(samples).max())))


def write_tone(folder: Path, level: float, *, lasts_s: float = 4.0, name: str = "tone.wav") -> MusicCue:
    tone = level * np.sin(2 * np.pi * 330 * np.arange(round(lasts_s * RATE_HZ)) / RATE_HZ)
    return MusicCue(named(write_sound(folder / name, tone[None], RATE_HZ)), 0, 96)


def test_a_frozen_picture_is_silent_and_what_follows_is_in_time(material: Material) -> None:
    cut = shots(material, SoundRule.KEEP, SoundRule.KEEP)
    first, second = (item for item in cut.items if isinstance(item, Shot))
    plain = mixed(cut)
    held = mixed(replace(cut, items=(replace(first, effect=Effect(EffectKind.FREEZE, frames=24)), second)))
    assert held.shape[1] == plain.shape[1] + RATE_HZ
    assert peak_db(held[:, 96_000 : 96_000 + RATE_HZ]) < -100
    assert np.array_equal(held[:, 96_000 + RATE_HZ :], plain[:, 96_000:])


def test_clips_are_dropped_kept_or_ducked(material: Material) -> None:
    cut = replace(
        shots(material, SoundRule.DROP, SoundRule.KEEP, SoundRule.DUCK),
        speech=(SpeechCue(material.speech, 110, gain_db=-80.0),),
    )
    sound = mixed(cut)
    dropped, kept, ducked = (sound[:, at : at + 60_000] for at in (0, 96_000, 192_000))
    assert peak_db(dropped) < -100
    assert peak_db(kept) == pytest.approx(-0.9, abs=1.5)
    assert peak_db(ducked[:, :15_000]) < -100
    assert peak_db(ducked[:, 39_000:42_000]) == pytest.approx(-0.9 - 12, abs=1.5)


def test_a_voice_of_one_channel_keeps_its_level(material: Material) -> None:
    sound = mixed(replace(shots(material, SoundRule.DROP), speech=(SpeechCue(material.speech, 12),)))
    assert peak_db(sound) == pytest.approx(20 * np.log10(0.3), abs=0.3)
    assert peak_db(sound[:, :24_000]) < -100


@pytest.mark.parametrize("speed", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 2), Fraction(4)])
def test_a_clip_at_another_speed_keeps_its_pitch(tmp_path: Path, speed: Fraction) -> None:
    cue = write_tone(tmp_path, 0.5)
    sound = np.concatenate(list(read_part(SoundPart(cue.track.path, 0.5, 2.0, speed))), axis=1)
    assert sound.shape[1] / RATE_HZ == pytest.approx(2 / float(speed), rel=0.02)
    spectrum = np.abs(np.fft.rfft(sound[0, :20_000] * np.hanning(20_000)))
    assert np.argmax(spectrum) * RATE_HZ / 20_000 == pytest.approx(330, abs=5)


def test_offset_level_and_fades_of_music(tmp_path: Path, material: Material) -> None:
    cue = replace(
        write_tone(tmp_path, 0.5), start_frame=24, frames=48, offset_s=1.0, gain_db=-6.0, fade_in_s=1.0, fade_out_s=0.5
    )
    sound = mixed(replace(shots(material, SoundRule.DROP, SoundRule.DROP), music=(cue,)))
    assert peak_db(sound[:, :47_000]) < -100
    assert peak_db(sound[:, 71_000:72_500]) == pytest.approx(-6 - 6 - 6, abs=0.5)
    assert peak_db(sound[:, 100_000:110_000]) == pytest.approx(-12, abs=0.2)
    assert peak_db(sound[:, 144_100:]) < -100


def test_peaks_are_limited_and_the_rest_is_untouched() -> None:
    quiet = (0.1 * np.sin(np.arange(3 * RATE_HZ) / 20)).astype(np.float32)
    loud = quiet.copy()
    loud[RATE_HZ : RATE_HZ + 300] *= 9
    pieces = np.split(np.stack([loud, quiet]), 3, axis=1)
    limited = np.concatenate(list(limit_peaks((piece, 0.5) for piece in pieces)), axis=1)
    found = measure_loudness([limited], check_alive=lambda: None)
    assert found.peak_dbtp is not None
    assert found.peak_dbtp <= 20 * np.log10(0.5) + 0.05
    assert np.array_equal(limited[:, : RATE_HZ - 4000], np.stack([loud, quiet])[:, : RATE_HZ - 4000])
    assert np.abs(limited[0, RATE_HZ : RATE_HZ + 300]).max() > 0.45


def master_of(cut: EpisodeCut, folder: Path) -> Master:
    return make_master(cut, folder, IDLE)


def test_silence_stays_silence_and_is_named(tmp_path: Path, material: Material) -> None:
    cut = shots(material, SoundRule.DROP)
    master = master_of(cut, tmp_path)
    assert (master.lufs, master.gain_db, master.note) == (None, 0.0, QUIET_TRACK)
    assert master_of(cut, tmp_path) == master
    silent = replace(cut, music=(write_tone(tmp_path, 0.0),))
    assert master_of(silent, tmp_path).note == QUIET_TRACK
    short = replace(cut, music=(replace(write_tone(tmp_path, 0.2), frames=4),))
    assert master_of(short, tmp_path).lufs is None or master_of(short, tmp_path).note in (None, SHORT_TRACK)


def test_sound_that_is_too_faint_or_too_dynamic_says_so(tmp_path: Path, material: Material) -> None:
    silent = shots(material, SoundRule.DROP, SoundRule.DROP)
    faint = master_of(replace(silent, music=(write_tone(tmp_path, 0.001),)), tmp_path)
    assert (faint.gain_db, faint.note) == (30.0, FAINT_TRACK)
    clicks = write_sound(tmp_path / "clicks.wav", np.tile(click_track(0.3, 1.0), 4), RATE_HZ)
    dynamic = master_of(replace(silent, music=(MusicCue(named(clicks), 0, 96),)), tmp_path)
    assert dynamic.note == DYNAMIC_TRACK
    assert dynamic.peak_dbtp is not None
    assert dynamic.peak_dbtp <= -1.0


def test_loud_noise_is_brought_down_with_its_peaks(tmp_path: Path, material: Material) -> None:
    rng = np.random.default_rng(5)
    drums = np.tile(np.exp(-np.arange(12_000) / 1500), 16) * rng.standard_normal(192_000) * 0.5
    path = write_sound(tmp_path / "drums.wav", np.clip(drums, -1, 1)[None], RATE_HZ)
    cut = replace(shots(material, SoundRule.DROP, SoundRule.DROP), music=(MusicCue(named(path), 0, 96),))
    master = master_of(cut, tmp_path)
    assert master.is_on_target
    assert master.peak_dbtp is not None
    assert master.peak_dbtp <= -1.0


def test_written_silence_is_as_long_as_asked_and_decodes_to_zeros(tmp_path: Path) -> None:
    write_silence(100_000, tmp_path / "silence.m4a")
    sound = np.concatenate(list(read_part(SoundPart(tmp_path / "silence.m4a", 0.0, None))), axis=1)
    assert sound.shape[1] == pytest.approx(100_000, abs=1024)
    assert np.abs(sound).max() == 0.0


def test_the_memory_of_a_mix_does_not_grow_with_its_length(tmp_path: Path, material: Material) -> None:
    def peak_bytes(count: int) -> int:
        cut = shots(material, *[SoundRule.KEEP] * count)
        tracemalloc.start()
        for _ in mix_sources(list_sources(cut), to_samples(cut, cut.frames)):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(24) < 1.2 * peak_bytes(6)
