"""Beats of clicks, of every file format, and of sounds without a beat."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tower.beats.sounds import click_track, encode, even_click_track, swelling_chords, write_wav
from tower.beats.analysis import analyse
from tower.beats.results import Analysis, TempoHint
from tower.errors import InvalidError


@pytest.mark.parametrize("bpm", [77.7, 90, 120, 128, 147.3])
def test_clicks_are_found_at_their_tempo_within_three_milliseconds(tmp_path: Path, bpm: float) -> None:
    analysis = analyse(write_wav(tmp_path / "clicks.wav", even_click_track(bpm, 20)))
    assert analysis.bpm == pytest.approx(bpm, rel=0.002)
    assert analysis.confidence > 0.8
    assert analysis.duration_s == pytest.approx(20, abs=0.01)
    truth = np.arange(0, 20, 60 / bpm)
    assert len(analysis.beat_times_s) >= len(truth) - 2
    assert max(np.abs(truth - beat).min() for beat in analysis.beat_times_s) < 0.003
    assert [change.time_s for change in analysis.tempo_changes] == [analysis.beat_times_s[0]]


def test_a_click_at_time_zero_is_a_beat(tmp_path: Path) -> None:
    analysis = analyse(write_wav(tmp_path / "clicks.wav", even_click_track(120, 20)))
    assert analysis.beat_times_s[0] == pytest.approx(0, abs=0.003)


@pytest.mark.parametrize(
    ("ending", "codec"), [("mp3", "libmp3lame"), ("m4a", "aac"), ("flac", "flac"), ("opus", "libopus")]
)
def test_every_file_format_gives_the_same_beats(tmp_path: Path, ending: str, codec: str) -> None:
    rate_hz = 48_000
    analysis = analyse(
        encode(tmp_path / f"clicks.{ending}", even_click_track(120, 12, rate_hz=rate_hz), codec, rate_hz=rate_hz)
    )
    assert analysis.sample_rate == rate_hz
    assert analysis.bpm == pytest.approx(120, abs=0.1)
    assert max(abs(beat - round(beat * 2) / 2) for beat in analysis.beat_times_s) < 0.005


def test_a_tempo_step_is_located(tmp_path: Path) -> None:
    times = np.concatenate([np.arange(0, 20, 0.5), np.arange(20, 40, 60 / 140)])
    analysis = analyse(write_wav(tmp_path / "step.wav", click_track(times, 40)))
    assert [round(change.bpm) for change in analysis.tempo_changes] == [120, 140]
    assert analysis.tempo_changes[1].time_s == pytest.approx(20, abs=1)


def test_slow_tempo_drift_is_not_a_tempo_change(tmp_path: Path) -> None:
    steps = 0.5 * (1 + 0.006 * np.sin(np.arange(80) / 6))
    analysis = analyse(write_wav(tmp_path / "sway.wav", click_track(np.cumsum(steps), 42)))
    assert len(analysis.tempo_changes) == 1


@pytest.mark.parametrize(("hint", "expected"), [
    (TempoHint(bpm=75), 75), (TempoHint(bpm=150), 150),
    (TempoHint(low_bpm=60, high_bpm=100), 75), (TempoHint(low_bpm=110), 150),
])  # fmt: skip
def test_a_hint_or_a_range_decides_between_half_and_double_time(
    tmp_path: Path, hint: TempoHint, expected: float
) -> None:
    strong = even_click_track(75, 24)
    weak = 0.5 * click_track(np.arange(0.4, 24, 0.8), 24)
    analysis = analyse(write_wav(tmp_path / "either.wav", strong + weak), hint)
    assert analysis.bpm == pytest.approx(expected, rel=0.01)
    assert {75, 150} & {round(way.bpm) for way in analyse(tmp_path / "either.wav").candidates} == {75, 150}


def test_candidate_weights_sum_to_one_and_accents_are_the_strongest_beats(tmp_path: Path) -> None:
    signal = even_click_track(60, 24) + 0.3 * click_track(np.arange(0.5, 24, 1.0), 24)
    analysis = analyse(write_wav(tmp_path / "accents.wav", signal), TempoHint(bpm=120))
    assert sum(way.weight for way in analysis.candidates) == pytest.approx(1, abs=0.05)
    strong = [
        value for time, value in zip(analysis.beat_times_s, analysis.beat_strengths, strict=True) if time % 1 < 0.25
    ]
    weak = [
        value
        for time, value in zip(analysis.beat_times_s, analysis.beat_strengths, strict=True)
        if 0.25 < time % 1 < 0.75
    ]
    assert np.mean(strong) > np.mean(weak) + 0.1
    assert all(0 <= value <= 1 for value in analysis.beat_strengths)


def test_beats_stop_where_the_sound_stops(tmp_path: Path) -> None:
    signal = np.concatenate([np.zeros(44_100 * 5), even_click_track(120, 15), np.zeros(44_100 * 10)])
    analysis = analyse(write_wav(tmp_path / "middle.wav", signal))
    assert analysis.beat_times_s[0] >= 4.9
    assert analysis.beat_times_s[-1] <= 20.1
    assert len(analysis.beat_times_s) >= 27


def test_beats_end_with_the_last_stroke_even_if_a_hiss_continues(tmp_path: Path) -> None:
    hiss = np.random.default_rng(1).normal(0, 0.003, 44_100 * 24)
    strokes = np.arange(0.5, 20, 0.5)
    analysis = analyse(write_wav(tmp_path / "hiss.wav", hiss + click_track(strokes, 24)))
    assert analysis.beat_times_s[-1] == pytest.approx(strokes[-1], abs=0.01)


def test_an_introduction_in_free_time_is_tracked(tmp_path: Path) -> None:
    free = 0.55 * (1.1 + 0.15 * np.sin(np.arange(20) / 2.5))
    strokes = 0.3 + np.cumsum([*free, *np.full(60, 0.55)])
    analysis = analyse(write_wav(tmp_path / "free.wav", click_track(strokes, strokes[-1] + 1)))
    beats = np.array(analysis.beat_times_s)
    assert np.mean([np.abs(beats - stroke).min() < 0.03 for stroke in strokes]) > 0.95
    assert len(beats) <= len(strokes) + 2


@pytest.mark.parametrize("kind", ["silence", "drone", "short", "speech"])
def test_sounds_without_a_beat_have_no_tempo_and_a_reason(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(3)
    times_s = np.arange(44_100 * 20) / 44_100
    tones = np.sin(2 * np.pi * np.outer((110, 220.3, 331), times_s)).sum(axis=0)
    uneven = click_track(np.cumsum(rng.gamma(2.0, 0.16, 100))[:90], 20)
    signal = {"silence": 0 * times_s, "drone": 0.1 * tones, "short": even_click_track(120, 2), "speech": uneven}[kind]
    analysis = analyse(write_wav(tmp_path / "sound.wav", signal))
    assert analysis.bpm is None
    assert analysis.confidence == 0
    assert analysis.reason
    event_lists = (analysis.beat_times_s, analysis.downbeat_times_s, analysis.tempo_changes, analysis.candidates)
    assert not any(event_lists)


def test_a_hint_is_tried_even_where_no_tempo_stands_out(tmp_path: Path) -> None:
    uneven = click_track(np.cumsum(np.random.default_rng(3).gamma(2.0, 0.16, 100))[:90], 20)
    path = write_wav(tmp_path / "uneven.wav", uneven)
    assert analyse(path).reason == "No tempo returns in it more clearly than in noise"
    hinted = analyse(path, TempoHint(bpm=100))
    assert hinted.bpm == pytest.approx(100, rel=0.15)
    assert hinted.confidence < 0.4


def test_a_faint_pulse_of_swelling_chords_has_a_tempo_with_little_confidence(tmp_path: Path) -> None:
    strokes = np.cumsum(0.625 * (1 + 0.04 * np.sin(np.arange(90) / 9)))
    analysis = analyse(write_wav(tmp_path / "strings.wav", swelling_chords(strokes, 56)))
    assert analysis.bpm is not None
    assert min(abs(analysis.bpm / (96 * octave) - 1) for octave in (0.5, 1, 2)) < 0.06
    assert 0 < analysis.confidence < 0.8


@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_tempo(tmp_path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, 44_100 * 30)
    assert analyse(write_wav(tmp_path / "noise.wav", noise)).bpm is None


def test_bars_of_one_stretch_have_the_same_length(tmp_path: Path) -> None:
    times_s = np.concatenate([np.arange(0.2, 14, 0.5), np.arange(14.45, 40, 0.5)])
    signal = click_track(times_s, 40) + 0.4 * click_track(times_s[::4] + 0.004, 40)
    analysis = analyse(write_wav(tmp_path / "bars.wav", signal))
    assert len(analysis.tempo_changes) == 1
    starts = np.searchsorted(analysis.beat_times_s, analysis.downbeat_times_s)
    assert set(np.diff(starts)) in ({3}, {4})


def test_an_analysis_round_trips_through_json(tmp_path: Path) -> None:
    analysis = analyse(write_wav(tmp_path / "clicks.wav", even_click_track(100, 12)))
    assert Analysis.from_json(analysis.as_json()) == analysis


@pytest.mark.parametrize(
    "wrong", [{"bpm": 20}, {"bpm": 300}, {"low_bpm": 120, "high_bpm": 121}, {"bpm": 90, "low_bpm": 100}]
)
def test_an_impossible_hint_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidError):
        TempoHint(**wrong)


PEAK = """
import re, sys
from pathlib import Path
from tower.beats.analysis import analyse
bpm = analyse(Path(sys.argv[1])).bpm
print(bpm, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def test_memory_hardly_grows_with_the_duration(tmp_path: Path) -> None:
    peaks = []
    for minutes in (2, 20):
        path = write_wav(tmp_path / "long.wav", even_click_track(120, 60 * minutes, rate_hz=8000), rate_hz=8000)
        result = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        bpm, peak_mb = result.stdout.split()
        assert float(bpm) == pytest.approx(120, abs=0.1)
        peaks.append(int(peak_mb))
    assert peaks[1] - peaks[0] < 40  # the samples alone would be 95 MB


def test_modules_that_serve_requests_import_neither_librosa_nor_numba() -> None:
    heavy = "print({'librosa', 'numba', 'sklearn', 'matplotlib'} & set(sys.modules))"
    for modules in ("tower.beats.worker, tower.beats.analysis", "api.music.app, api.production.app, tasks.sync"):
        code = f"import sys, {modules}; {heavy}"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert result.stdout == "set()\n", modules
