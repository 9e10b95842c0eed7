"""What to make otherwise after a rejection: each metric of the technical stage and the change that may mend it.

Why which: docs/quality.md, "The loop".
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tower.engines.base import Shot
from tower.workflows.bindings import bound
from tower.workflows.graph import WorkflowGraph


@dataclass(frozen=True)
class Change:
    """How often each thing is changed, from what was asked. All 0: the same again."""

    seed: int = 0
    steps: int = 0
    overlap: int = 0

    def __add__(self, more: Change) -> Change:
        return Change(self.seed + more.seed, self.steps + more.steps, self.overlap + more.overlap)

    def __or__(self, also: Change) -> Change:
        """Both at once, what they share only once."""
        return Change(max(self.seed, also.seed), max(self.steps, also.steps), max(self.overlap, also.overlap))


AGAIN = Change()  # the file is at fault, not the picture
NEW_SEED = Change(seed=1)
SMOOTHER = Change(steps=1, overlap=1)
CLEARER = Change(seed=1, steps=1)
REMEDIES = {
    **dict.fromkeys(("decodes", "codec", "pixel_format", "size", "rate", "timing", "frame_count", "duration"), AGAIN),
    **dict.fromkeys(("black_share", "black_run", "flat_share", "flat_run"), NEW_SEED),
    "noise_share": CLEARER,
    "unrelated_share": SMOOTHER,
    "flash_share": SMOOTHER,
    **dict.fromkeys(("frozen_run", "frozen_share", "repeated_share"), NEW_SEED),
    **dict.fromkeys(("audio_peak", "audio_clipped_share"), AGAIN),
}


def remedy(failed: Iterable[str]) -> Change:
    """What may mend these metrics. One that nobody knows a remedy for gets another seed."""
    change = AGAIN
    for metric in failed:
        change |= REMEDIES.get(metric, NEW_SEED)
    return change


def changed(shot: Shot, change: Change) -> Shot:
    """The shot with the change. What its engine or graph has no input for becomes another seed instead."""
    if change == AGAIN:
        return shot
    steps = _more_steps(shot, change.steps)
    graph = _more_overlap(shot.graph, change.overlap)
    unheard = (change.steps or change.overlap) and (steps, graph) == (shot.steps, shot.graph)
    seeds = change.seed + (max(change.steps, change.overlap) if unheard else 0)
    return replace(shot, seed=_another(shot.seed, seeds), steps=steps, graph=graph)


def in_words(asked: Shot, made: Shot) -> str:
    """What was made otherwise than asked, for the user."""
    told = [
        f"seed {made.seed} instead of {asked.seed}" * (made.seed != asked.seed),
        f"{made.steps} steps instead of {asked.steps}" * (made.steps != asked.steps),
        f"overlap {_overlap(made.graph)} instead of {_overlap(asked.graph)}" * (made.graph != asked.graph),
    ]
    return ", ".join(filter(None, told)) or "the same again"


def _more_steps(shot: Shot, times: int) -> int:
    """Half as many again, each time, where the graph takes them."""
    takes_steps = shot.graph is not None and shot.graph.bindings.get("steps")
    return shot.steps + times * (shot.steps // 2) if takes_steps else shot.steps


def _more_overlap(workflow: WorkflowGraph | None, times: int) -> WorkflowGraph | None:
    """Doubled each time, up to half of the window of frames that the motion model takes at once."""
    overlap = _overlap(workflow)
    if not times or workflow is None or not overlap:
        return workflow
    length = bound(workflow, "context_length", workflow.graph)
    most = length // 2 if isinstance(length, int) else overlap
    more = max(overlap, min(overlap * 2**times, most))
    graph: dict[str, Any] = copy.deepcopy(workflow.graph)
    for binding in workflow.bindings["context_overlap"]:
        graph[binding.node]["inputs"][binding.input] = more
    return replace(workflow, graph=graph)


def _overlap(workflow: WorkflowGraph | None) -> int | None:
    overlap = workflow and bound(workflow, "context_overlap", workflow.graph)
    return overlap if isinstance(overlap, int) else None


def _another(seed: int, times: int) -> int:
    """The same one for the same seed: a loop that is gone through again makes the same shots."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{times}".encode()).digest()[:4], "big") if times else seed
