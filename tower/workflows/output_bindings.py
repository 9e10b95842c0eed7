"""Finds the bindings of the output: frame rate and file name."""

from __future__ import annotations

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.paths import GraphPaths

RATE_INPUTS = ("frame_rate", "fps")


def find_output_bindings(paths: GraphPaths, notes: InferenceNotes, saved: list[str]) -> None:
    for output in saved:
        if paths.has_inputs(output, "filename_prefix"):
            notes.note_found("prefix", [paths.value_holder(output, "filename_prefix")], "names the saved file")
        for node in paths.walk_upstream(output, "VIDEO"):
            rates = [paths.value_holder(node, name) for name in RATE_INPUTS if paths.has_inputs(node, name)]
            notes.note_found("fps", rates, "the rate at which the frames are saved")
    if not saved:
        notes.note_missing("prefix", "nothing is saved")
    notes.note_missing("fps", "the output has no frame rate")
