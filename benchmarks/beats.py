"""Accuracy and cost of the beat tracker, compared with librosa and aubio, on music with known beats.

python -m benchmarks.beats            measure, write results/beats.md and the figure of docs/beats.md
python -m benchmarks.beats --tracks   also print a line for each track
python -m benchmarks.beats --fit      fit tower/beats/coefficients.json again, on the tuning half only
"""

from __future__ import annotations

import argparse
import tempfile
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
from scipy.signal import resample_poly

from benchmarks import beats_corpus, beats_fit
from benchmarks.beats_band import RATE_HZ
from benchmarks.beats_corpus import Track
from benchmarks.beats_cost import analyse_file, memory_figures, time_figures
from benchmarks.beats_trackers import BeatEstimate, Times, list_trackers
from benchmarks.report import Figure, publish_figures
from tower.beats.analysis import analyse, analyse_onsets
from tower.beats.onsets import Onsets, compute_onsets
from tower.beats.results import Analysis, TempoHint
from tower.beats.sound import PIECE_SAMPLES, SoundStream
from tower.beats.sound import RATE_HZ as HEARD_HZ

PLOT = Path(__file__).parent.parent / "docs" / "images" / "beats-calibration.png"
TARGETS = {"F70": 0.93, "F25": 0.90, "AMLt": 0.98}
RANDOM_TRACKS = 40
SEEN_FIRST_NUMBER = 100_001  # odd numbers: not used for fitting, but their results were seen while the method changed
FRESH_FIRST_NUMBER = 200_001  # odd numbers: not used or seen before the method was finished
CALIBRATION_TRACKS = 140
FIT_NUMBERS = (*range(0, 600, 2), *range(beats_corpus.MIXED_FROM, 3400, 2))


@dataclass(frozen=True)
class Scores:
    """The scores of one track, 0–1; None for tempo if the track has none."""

    f70: float
    f25: float
    cml: float
    aml: float
    within_4: float | None
    within_1: float | None


def score_guess(track: Track, guess: BeatEstimate) -> Scores:
    trim = mir_eval.beat.trim_beats
    truth, said = trim(track.beats_s), trim(guess.beats_s)
    _, cml, _, aml = mir_eval.beat.continuity(truth, said)
    near = None if track.bpm is None else abs((guess.bpm or 0) / track.bpm - 1)
    return Scores(
        mir_eval.beat.f_measure(truth, said),
        mir_eval.beat.f_measure(truth, said, 0.025),
        cml,
        aml,
        None if near is None else float(near <= 0.04),
        None if near is None else float(near <= 0.01),
    )


@dataclass
class Accuracy:
    """Of one set: scores of each tracker, F of our downbeats, false tempo changes, beats in sounds without any."""

    scores: dict[str, list[Scores]]
    downbeats: list[float]
    false_changes: list[str]
    nothing: list[str]


def list_track_sets() -> dict[str, list[Track]]:
    """Both halves of the corpus, and two sets of random tracks."""
    return {
        "tuning half": beats_corpus.build_corpus(held_back=False),
        "held-back half": beats_corpus.build_corpus(held_back=True),
        "third set": random_tracks(SEEN_FIRST_NUMBER),
        "fresh draw": random_tracks(FRESH_FIRST_NUMBER),
    }


def random_tracks(first: int) -> list[Track]:
    return [beats_corpus.random_track(number) for number in range(first, first + 2 * RANDOM_TRACKS, 2)]


def measure_accuracy(folder: Path, corpus: Sequence[Track], *, each: bool) -> Accuracy:
    all_of_it = Accuracy({name: [] for name in list_trackers()}, [], [], [])
    scores = all_of_it.scores
    for track in corpus:
        path = write_wav(folder / "track.wav", track.samples)
        found = analyse(path)
        if not len(track.beats_s):
            if found.bpm is not None:
                all_of_it.nothing.append(f"{track.name}: {found.bpm:.1f} (confidence {found.confidence:.2f})")
            continue
        if track.changes == 0 and len(found.tempo_changes) > 1:
            all_of_it.false_changes.append(track.name)
        downbeats = beats_fit.f_measure(track.downbeats_s, np.array(found.downbeat_times_s))
        all_of_it.downbeats.append(downbeats)
        for name, tracker in list_trackers().items():
            scores[name].append(score_guess(track, tracker(path)))
        if each:
            one = scores["Tower"][-1]
            bpm = f"{track.bpm or 0:.1f} → {found.bpm or 0:.1f}"
            print(f"{track.name:34} {bpm:16} F70 {one.f70:.2f} F25 {one.f25:.2f} AMLt {one.aml:.2f}")
    return all_of_it


def mean_score(scores: Sequence[Scores], name: str) -> float:
    values = [value for one in scores if (value := getattr(one, name)) is not None]
    return float(np.mean(values))


def accuracy_figures(folder: Path, *, each: bool) -> Iterator[Figure]:
    shown = {
        "F70": "f70",
        "F25": "f25",
        "CMLt": "cml",
        "AMLt": "aml",
        "tempo within 4 %": "within_4",
        "within 1 %": "within_1",
    }
    for half, corpus in list_track_sets().items():
        found = measure_accuracy(folder, corpus, each=each)
        scores, false_changes, nothing = found.scores, found.false_changes, found.nothing
        count = len(scores["Tower"])
        for title, name in shown.items():
            value = mean_score(scores["Tower"], name)
            others = ", ".join(f"{who} {mean_score(of, name):.3f}" for who, of in scores.items() if who != "Tower")
            target = TARGETS.get(title)
            yield Figure(
                f"{title}, {half} (n={count})",
                f"{value:.3f}",
                others,
                f"≥ {target}" if target else "",
                value >= target if target else None,
            )
        yield Figure(f"downbeats, F70, {half}", f"{np.mean(found.downbeats):.3f}")
        yield Figure(
            f"even tracks with a false tempo change, {half}", _listed(false_changes), "", "none", not false_changes
        )
        yield Figure(
            f"sounds without a beat in which one is found, {half} (n={len(corpus) - count})",
            _listed(nothing), "", "none", not nothing,
        )  # fmt: skip
    if "aubio" not in list_trackers():
        yield Figure("aubio", "not measured: the program aubio is not installed")


def measure_calibration(count: int) -> tuple[list[float], list[bool]]:
    """Confidence and correctness of held-back tracks with detected beats. Beats in a sound without any are wrong."""
    said, right = [], []
    for number in range(1, 2 * count, 2):
        track = beats_corpus.random_track(number)
        curves, duration_s = _curves(track)
        found = analyse_onsets(curves, SoundStream(track.name, RATE_HZ, int(duration_s * HEARD_HZ)), TempoHint())
        if found.bpm is None:
            continue  # the tracker reports that it found no beats
        said.append(found.confidence)
        right.append(_is_right(track, found))
    return said, right


def calibration_figures(count: int) -> Iterator[Figure]:
    said, right = measure_calibration(count)
    draw_calibration(said, right)
    pairs = np.array([said, right], float)
    error = 0.0
    for low, high in ((0, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01)):
        inside = (pairs[0] >= low) & (pairs[0] < high)
        if inside.any():
            confidence, share = pairs[0][inside].mean(), pairs[1][inside].mean()
            error += abs(confidence - share) * inside.mean()
            name = f"right where confidence is {low:.1f}–{min(high, 1):.1f} (n={int(inside.sum())})"
            yield Figure(name, f"{share:.2f}", f"said {confidence:.2f}")
    yield Figure("expected calibration error, held back", f"{error:.3f}", f"n={len(said)}")


def draw_calibration(said: Sequence[float], right: Sequence[bool]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4.2), dpi=120)
    edges = np.quantile(said, np.linspace(0, 1, 7))
    places = np.clip(np.searchsorted(edges, said, side="right") - 1, 0, 5)
    for place in range(6):
        inside = places == place
        if inside.any():
            confidence, share = np.mean(np.array(said)[inside]), np.mean(np.array(right)[inside])
            spread = 1.64 * np.sqrt(max(share * (1 - share), 0.01) / inside.sum())
            axes.errorbar(confidence, share, yerr=spread, fmt="o", color="#c0392b", capsize=3)
    axes.plot([0, 1], [0, 1], color="#888", linewidth=1)
    axes.set(xlim=(0.2, 1.02), ylim=(0, 1.05), xlabel="confidence", ylabel="share that is right")
    axes.set_title(f"{len(said)} held-back tracks, bars: 90 %", fontsize=10)
    figure.tight_layout()
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT)
    pyplot.close(figure)


def write_wav(path: Path, samples: Times) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return path


def fit() -> None:
    pieces = []
    for number in FIT_NUMBERS:
        track = beats_corpus.random_track(number)
        curves, duration_s = _curves(track)
        pieces.append((curves, duration_s, track.beats_s))
    beats_fit.fit_coefficients(pieces)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beats")
    parser.add_argument("--tracks", action="store_true", help="print a line for each track")
    parser.add_argument("--fit", action="store_true", help="fit tower/beats/coefficients.json on the tuning half")
    parser.add_argument("--listen", type=Path, help=argparse.SUPPRESS)  # runs in the process of the memory figure
    args = parser.parse_args()
    if args.fit:
        fit()
        return
    if args.listen:
        analyse_file(args.listen)
        return
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for part in (
            time_figures(place),
            accuracy_figures(place, each=args.tracks),
            calibration_figures(CALIBRATION_TRACKS),
            memory_figures(place),
        ):
            figures += part
            publish_figures(
                "beats", "Beats: time, accuracy, confidence, memory", figures
            )  # write the figures even if a later step fails


def _curves(track: Track) -> tuple[Onsets, float]:
    samples = resample_poly(track.samples, HEARD_HZ, RATE_HZ).astype(np.float32)
    pieces = (samples[start : start + PIECE_SAMPLES] for start in range(0, len(samples), PIECE_SAMPLES))
    return compute_onsets(pieces), len(samples) / HEARD_HZ


def _is_right(track: Track, found: Analysis) -> bool:
    return (
        len(track.beats_s) > 0
        and beats_fit.f_measure(track.beats_s, np.array(found.beat_times_s)) >= beats_fit.CORRECT_F_MEASURE
    )


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names) or "0"


if __name__ == "__main__":
    main()
