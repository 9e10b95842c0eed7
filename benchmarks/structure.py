"""How right key, sections and drops are, and what they cost, on synthesised songs of which all of it is known.

python -m benchmarks.structure            measure and write results/structure.md
python -m benchmarks.structure --songs    also print a line for each song
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mir_eval
import numpy as np
import psutil

from benchmarks import beats_corpus
from benchmarks.beats import write_wav
from benchmarks.beats_band import Signal
from benchmarks.beats_cost import encode_mp3
from benchmarks.report import Figure, format_spread, publish_figures
from benchmarks.structure_corpus import Song, song
from tower.beats.analysis import analyse
from tower.beats.pool import AnalyserPool
from tower.beats.structure.analysis import find_structure
from tower.beats.structure.results import TONICS, Structure

SETS = {"tuning": range(0, 48, 2), "held back": range(1, 48, 2)}
KEY_WORTH = {"exact": 1.0, "fifth": 0.5, "relative": 0.3, "parallel": 0.2, "other": 0.0, "none": 0.0}  # MIREX
BASELINE_S = 16.0  # a section every so often
WARM_RUNS = 5


@dataclass
class Scores:
    """Of one set. `bounds` and `baseline`: F at 0.5 s and 3 s of each song."""

    keys: Counter[str] = field(default_factory=Counter)
    said: list[float] = field(default_factory=list)
    bounds: list[tuple[float, float]] = field(default_factory=list)
    baseline: list[tuple[float, float]] = field(default_factory=list)
    labels: list[float] = field(default_factory=list)
    drops: Counter[str] = field(default_factory=Counter)

    def add(self, truth: Song, found: Structure) -> None:
        kind = how_right(truth, found)
        self.keys[kind] += 1
        self.said += [found.key.confidence] if found.key else []
        end_s = float(truth.bounds_s[-1])
        starts = [part.start_s for part in found.sections] or [0.0]
        self.bounds.append(f_of(truth, np.array([*starts, end_s])))
        even = np.arange(0, end_s - 1, BASELINE_S)
        self.baseline.append(f_of(truth, np.append(even, end_s)))
        letters = [part.label for part in found.sections] or ["A"]
        intervals = np.column_stack([starts, [*starts[1:], end_s]])
        pairs = mir_eval.segment.pairwise(truth.intervals, list(truth.labels), intervals, letters)
        self.labels.append(float(pairs[2]))
        hits = mir_eval.util.match_events(np.array(truth.drops_s), np.array([d.time_s for d in found.drops]), 0.5)
        self.drops.update(hits=len(hits), there=len(truth.drops_s), said=len(found.drops))


def how_right(truth: Song, found: Structure) -> str:
    """As MIREX tells errors of the key apart."""
    if found.key is None:
        return "none"
    up, same_mode = (TONICS.index(found.key.tonic) - truth.tonic) % 12, found.key.mode == truth.mode
    relative = up == (9 if truth.mode == "major" else 3)
    if same_mode:
        return {0: "exact", 5: "fifth", 7: "fifth"}.get(up, "other")
    return "parallel" if up == 0 else "relative" if relative else "other"


def f_of(truth: Song, bounds_s: Signal) -> tuple[float, float]:
    intervals = np.column_stack([bounds_s[:-1], bounds_s[1:]])
    half, three = (
        mir_eval.segment.detection(truth.intervals, intervals, window=window, trim=True)[2] for window in (0.5, 3.0)
    )
    return float(half), float(three)


def accuracy_figures(folder: Path, *, each: bool) -> Iterator[Figure]:
    for name, numbers in SETS.items():
        scores = Scores()
        for number in numbers:
            truth = song(number)
            path = write_wav(folder / "song.wav", truth.samples)
            beats = analyse(path)
            found = find_structure(path, beats.beat_times_s, beats.downbeat_times_s)
            scores.add(truth, found)
            if each:
                half, three = scores.bounds[-1]
                print(f"{truth.name:44} {how_right(truth, found):9} F {half:.2f} {three:.2f}")
        yield from _figures(name, scores)


def _figures(name: str, scores: Scores) -> Iterator[Figure]:
    count = scores.keys.total()
    worth = sum(KEY_WORTH[kind] * of for kind, of in scores.keys.items()) / count
    kinds = ", ".join(f"{kind} {of}" for kind, of in scores.keys.most_common())
    yield Figure(f"key exact, {name} (n={count})", f"{scores.keys['exact'] / count:.2f}", "guessing: 0.04")
    yield Figure(f"key, MIREX-weighted, {name}", f"{worth:.2f}", kinds)
    yield Figure(f"mean confidence of the key, {name}", f"{statistics.fmean(scores.said):.2f}")
    for place, window in enumerate(("0.5", "3")):
        ours, even = (statistics.fmean(f[place] for f in of) for of in (scores.bounds, scores.baseline))
        yield Figure(f"section starts, F at {window} s, {name}", f"{ours:.2f}", f"one every 16 s: {even:.2f}")
    yield Figure(f"labels, pairwise F, {name}", f"{statistics.fmean(scores.labels):.2f}")
    drops = scores.drops
    yield Figure(
        f"drops within 0.5 s, {name}", f"{drops['hits']} of {drops['there']}", f"{drops['said']} said to be there"
    )


def cost_figures(folder: Path) -> Iterator[Figure]:
    """A song of 180 s as mp3, in a process of the pool: beats before and after librosa is there, structure."""
    samples = beats_corpus.synthesise_track("rock", "rock", beats_corpus.even_beats(121, 180), held_back=False).samples
    path = encode_mp3(folder / "song.mp3", samples)
    pool = AnalyserPool(1)
    try:
        with path.open("rb") as file:
            beats = pool.analyse(file)
            before = _timed(lambda: pool.analyse(file))
            plain_mb = _memory_mb(pool)
            cold = _timed(lambda: pool.find_structure(file, beats), runs=1)
            warm = _timed(lambda: pool.find_structure(file, beats))
            after = _timed(lambda: pool.analyse(file))
            full_mb = _memory_mb(pool)
    finally:
        pool.stop()
    yield Figure("load of the machine when cost was measured (1 minute)", f"{os.getloadavg()[0]:.1f}")
    yield Figure("beats of a 180-s mp3, warm, librosa not loaded", format_spread(before))
    yield Figure("beats of the same in a process that has found a structure", format_spread(after))
    yield Figure("structure of the same, first in a process (imports librosa)", format_spread(cold))
    yield Figure("structure of the same, warm", format_spread(warm))
    yield Figure("memory of the process after beats, after structure", f"{plain_mb} MB, {full_mb} MB")


def _timed(work: object, runs: int = WARM_RUNS) -> list[float]:
    assert callable(work)
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def _memory_mb(pool: AnalyserPool) -> int:
    return sum(psutil.Process(process_id).memory_info().rss for process_id in pool.process_ids) >> 20


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.structure")
    parser.add_argument("--songs", action="store_true", help="print a line for each song")
    args = parser.parse_args(arguments)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in (cost_figures(folder), accuracy_figures(folder, each=args.songs)):
            figures += part
            publish_figures("structure", "Structure: key, sections, drops, cost", figures)


if __name__ == "__main__":
    main()
