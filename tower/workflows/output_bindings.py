"""Finds the bindings of the output: frame rate and file name."""

from __future__ import annotations

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.nodes import inputs_of
from tower.workflows.paths import GraphPaths

RATE_INPUTS = ("frame_rate", "fps")


def find_output_bindings(paths: GraphPaths, notes: InferenceNotes, saved: list[str]) -> None:
    """Bind what the outputs set, and the rates that models for video are conditioned on."""
    for output in saved:
        if paths.has_inputs(output, "filename_prefix"):
            notes.note_found("prefix", [paths.value_holder(output, "filename_prefix")], "names the saved file")
        for node in paths.walk_upstream(output, "VIDEO"):
            for trail in (paths.trail(node, name) for name in RATE_INPUTS if name in inputs_of(paths.graph, node)):
                notes.note_found("fps", [trail.holder], "the rate at which the frames are saved")
                if trail.holder is None:
                    notes.note_missing("fps", trail.end)
    if notes.found.get("fps"):
        _find_rates_before(paths, notes, saved)
    if not saved:
        notes.note_missing("prefix", "nothing is saved")
    notes.note_missing("fps", "the output has no frame rate")


def _find_rates_before(paths: GraphPaths, notes: InferenceNotes, saved: list[str]) -> None:
    for node in dict.fromkeys(node for output in saved for node in paths.walk_upstream(output)):
        if "frame_rate" in inputs_of(paths.graph, node):
            notes.note_found("fps", [paths.value_holder(node, "frame_rate")], "the rate at which the frames are saved")
