"""Adjusts a shot after a rejection: each metric of the technical stage has an adjustment that may help.

The reasons for the choices are in docs/quality.md, "The loop".
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tower.engines.base import Shot
from tower.workflows.bindings import get_bound_value
from tower.workflows.graph import WorkflowGraph


@dataclass(frozen=True)
class Adjustment:
    """How many times each setting of the requested shot is changed. With all at 0, the shot is rendered unchanged."""

    seed: int = 0
    steps: int = 0
    overlap: int = 0

    def __add__(self, more: Adjustment) -> Adjustment:
        return Adjustment(self.seed + more.seed, self.steps + more.steps, self.overlap + more.overlap)

    def __or__(self, also: Adjustment) -> Adjustment:
        """Both adjustments at once. A setting that both change is changed as often as the larger one says."""
        return Adjustment(max(self.seed, also.seed), max(self.steps, also.steps), max(self.overlap, also.overlap))


UNCHANGED = Adjustment()  # for faults of the file rather than of the picture
NEW_SEED = Adjustment(seed=1)
SMOOTHER = Adjustment(steps=1, overlap=1)
CLEARER = Adjustment(seed=1, steps=1)
ADJUSTMENTS = {
    **dict.fromkeys(
        ("decodes", "codec", "pixel_format", "size", "rate", "timing", "frame_count", "duration"), UNCHANGED
    ),
    **dict.fromkeys(("black_share", "black_run", "flat_share", "flat_run"), NEW_SEED),
    "noise_share": CLEARER,
    "unrelated_share": SMOOTHER,
    "flash_share": SMOOTHER,
    **dict.fromkeys(("frozen_run", "frozen_share", "repeated_share"), NEW_SEED),
    **dict.fromkeys(("audio_peak", "audio_clipped_share"), UNCHANGED),
}


def find_adjustment(failed_metrics: Iterable[str]) -> Adjustment:
    """The adjustment that may help with these metrics. An unknown metric gets another seed."""
    change = UNCHANGED
    for metric in failed_metrics:
        change |= ADJUSTMENTS.get(metric, NEW_SEED)
    return change


def adjust_shot(shot: Shot, adjustment: Adjustment) -> Shot:
    """The shot with the adjustment applied. The seed changes instead where engine or graph has no such setting."""
    if adjustment == UNCHANGED:
        return shot
    steps = _increase_steps(shot, adjustment.steps)
    graph = _increase_overlap(shot.graph, adjustment.overlap)
    ignored = (adjustment.steps or adjustment.overlap) and (steps, graph) == (shot.steps, shot.graph)
    seeds = adjustment.seed + (max(adjustment.steps, adjustment.overlap) if ignored else 0)
    return replace(shot, seed=_derived_seed(shot.seed, seeds), steps=steps, graph=graph)


def describe_adjustment(requested: Shot, rendered: Shot) -> str:
    """Describe for the user how the rendered shot differs from the requested one."""
    differences = [
        f"seed {rendered.seed} instead of {requested.seed}" * (rendered.seed != requested.seed),
        f"{rendered.steps} steps instead of {requested.steps}" * (rendered.steps != requested.steps),
        f"overlap {_overlap(rendered.graph)} instead of {_overlap(requested.graph)}"
        * (rendered.graph != requested.graph),
    ]
    return ", ".join(filter(None, differences)) or "the same again"


def _increase_steps(shot: Shot, times: int) -> int:
    """Add half of the original steps each time, if the graph has an input for them."""
    takes_steps = shot.graph is not None and shot.graph.bindings.get("steps")
    return shot.steps + times * (shot.steps // 2) if takes_steps else shot.steps


def _increase_overlap(workflow: WorkflowGraph | None, times: int) -> WorkflowGraph | None:
    """Double the overlap each time, up to half of the window of frames that the motion model takes at once."""
    overlap = _overlap(workflow)
    if not times or workflow is None or not overlap:
        return workflow
    length = get_bound_value(workflow, "context_length", workflow.graph)
    limit = length // 2 if isinstance(length, int) else overlap
    increased = max(overlap, min(overlap * 2**times, limit))
    graph: dict[str, Any] = copy.deepcopy(workflow.graph)
    for binding in workflow.bindings["context_overlap"]:
        graph[binding.node]["inputs"][binding.input] = increased
    return replace(workflow, graph=graph)


def _overlap(workflow: WorkflowGraph | None) -> int | None:
    overlap = workflow and get_bound_value(workflow, "context_overlap", workflow.graph)
    return overlap if isinstance(overlap, int) else None


def _derived_seed(seed: int, times: int) -> int:
    """Depends on the seed and the count alone, so that a repeated loop renders the same shots."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{times}".encode()).digest()[:4], "big") if times else seed
