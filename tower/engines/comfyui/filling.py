"""Fills the graph of a workflow with the values of a shot."""

from __future__ import annotations

from typing import Any

from tower.engines.base import Shot
from tower.workflows.bindings import bind_values
from tower.workflows.defaults import fill_defaults
from tower.workflows.graph import WorkflowGraph
from tower.workflows.nodes import ObjectInfo


def fill_graph(
    workflow: WorkflowGraph, shot: Shot, *, prefix: str, reference_name: str | None, info: ObjectInfo
) -> dict[str, Any]:
    """The graph of a shot, ready to send. The workflow is not changed.

    `prefix`: the path for saved files below the server's output folder. `reference_name`: an uploaded picture by its
    name on the server; None keeps that of the graph. `info`: the server's /object_info, for the types. Width and height
    before a sampler are rounded up to the grid of latents; the built-in workflows crop after decoding. Required inputs
    that the graph lacks get the server's default. Raises InvalidError for a binding to a missing node.
    """
    graph = fill_defaults(workflow.graph, info)
    return bind_values(workflow, _values(shot, prefix, reference_name), graph=graph, info=info)


def _values(shot: Shot, prefix: str, reference_name: str | None) -> dict[str, Any]:
    values = {
        "prompt": shot.prompt,
        "negative": shot.negative_prompt,
        "seed": shot.seed + shot.start_frame,  # otherwise all parts of a shot would be the same clip
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
