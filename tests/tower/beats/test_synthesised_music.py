"""Beats in synthesised music where every beat is known. `python -m benchmarks.beats` measures the overall accuracy."""

from __future__ import annotations

from pathlib import Path

import mir_eval
import numpy as np
import pytest

from benchmarks import beats_corpus
from tests.tower.beats.sounds import write_wav
from tower.beats.analysis import analyse


@pytest.mark.parametrize(
    ("genre", "bpm"),
    [("rock", 112), ("house", 124), ("ballad", 66), ("swing", 132), ("drum and bass", 172), ("rock", 176)],
)
def test_beats_and_metre_of_music_are_found(tmp_path: Path, genre: str, bpm: float) -> None:
    track = beats_corpus.synthesise_track(f"{genre}, even", genre, beats_corpus.even_beats(bpm, 30), held_back=False)
    analysis = analyse(write_wav(tmp_path / "music.wav", track.samples))
    assert analysis.bpm == pytest.approx(bpm, rel=0.01)
    assert mir_eval.beat.f_measure(track.beats_s, np.array(analysis.beat_times_s)) > 0.93
    assert len(analysis.tempo_changes) == 1


def test_a_tempo_step_keeps_the_metrical_level(tmp_path: Path) -> None:
    beats = np.concatenate([np.arange(0.35, 20, 60 / 164), np.arange(20.1, 40, 60 / 140)])
    track = beats_corpus.synthesise_track("step, anime pop", "anime pop", (beats, None), held_back=False, changes=1)
    analysis = analyse(write_wav(tmp_path / "music.wav", track.samples))
    assert [round(change.bpm) for change in analysis.tempo_changes] == [164, 140]
    assert mir_eval.beat.f_measure(track.beats_s, np.array(analysis.beat_times_s)) > 0.93


def test_syncopation_does_not_shift_the_beat(tmp_path: Path) -> None:
    track = beats_corpus.synthesise_track("latin, even", "latin", beats_corpus.even_beats(145, 30), held_back=False)
    analysis = analyse(write_wav(tmp_path / "music.wav", track.samples))
    assert analysis.bpm == pytest.approx(145, rel=0.01)
    assert mir_eval.beat.f_measure(track.beats_s, np.array(analysis.beat_times_s)) > 0.93


@pytest.mark.parametrize("kind", sorted(beats_corpus.BEATLESS))
def test_music_without_a_beat_has_none(tmp_path: Path, kind: str) -> None:
    track = beats_corpus.synthesise_beatless(kind, held_back=False, seconds=20)
    analysis = analyse(write_wav(tmp_path / "sound.wav", track.samples))
    assert (analysis.bpm, analysis.beat_times_s) == (None, ())
    assert analysis.reason
