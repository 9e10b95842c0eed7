"""Finds the bindings of the output: frame rate and file name."""

from __future__ import annotations

from tower.workflows.inference_notes import Notes
from tower.workflows.paths import Paths

RATES = ("frame_rate", "fps")


def find_saving(paths: Paths, notes: Notes, saved: list[str]) -> None:
    for output in saved:
        if paths.has(output, "filename_prefix"):
            notes.take("prefix", [paths.holder(output, "filename_prefix")], "names the saved file")
        for node in paths.upstream(output, "VIDEO"):
            rates = [paths.holder(node, name) for name in RATES if paths.has(node, name)]
            notes.take("fps", rates, "the rate at which the frames are saved")
    if not saved:
        notes.lacks("prefix", "nothing is saved")
    notes.lacks("fps", "the output has no frame rate")
