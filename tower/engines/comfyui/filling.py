"""Fills a workflow's graph with one shot."""

from __future__ import annotations

from typing import Any

from tower.engines.base import Shot
from tower.workflows.bindings import put
from tower.workflows.defaults import completed
from tower.workflows.graph import WorkflowGraph
from tower.workflows.nodes import ObjectInfo


def fill(
    workflow: WorkflowGraph, shot: Shot, *, prefix: str, reference_name: str | None, info: ObjectInfo
) -> dict[str, Any]:
    """The graph of this shot, ready to send; the workflow stays as it is.

    `prefix`: where the server saves, below its output folder. `reference_name`: an uploaded picture, as the server
    named it; None leaves the graph's own. `info`: the server's /object_info, for the types. Sides of what a sampler
    works on are rounded up to what a latent can hold; the built-ins crop after decoding. What the server's version of a
    node wants beyond the graph gets its default. Raises InvalidError if a binding leads nowhere.
    """
    graph = completed(workflow.graph, info)
    return put(workflow, _values(shot, prefix, reference_name), graph=graph, info=info)


def _values(shot: Shot, prefix: str, reference_name: str | None) -> dict[str, Any]:
    values = {
        "prompt": shot.prompt,
        "negative": shot.negative_prompt,
        "seed": shot.seed + shot.start_frame,  # else each part of a shot would be the same clip
        "steps": shot.steps,
        "cfg": shot.cfg,
        "sampler": shot.sampler,
        "scheduler": shot.scheduler,
        "width": shot.width,
        "height": shot.height,
        "frames": shot.frames,
        "fps": shot.fps,
        "model": shot.model,
        "prefix": prefix,
    }
    return values if reference_name is None else values | {"reference": reference_name}
