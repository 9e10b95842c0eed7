"""Says which lengths, sizes and rates a graph can render on a server, by the limits that the server publishes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tower.workflows.bindings import get_bound_value
from tower.workflows.graph import Binding, WorkflowGraph
from tower.workflows.limits import Limits, read_limits
from tower.workflows.nodes import ObjectInfo
from tower.workflows.paths import GraphPaths

FORM_INPUTS = ("frames", "width", "height", "fps")
UNITS = {"frames": "frames", "width": "pixels", "height": "pixels", "fps": "frames per second"}


def describe_served_forms(
    graph: Mapping[str, Any], bindings: Mapping[str, list[Binding]], info: ObjectInfo
) -> dict[str, str]:
    """A sentence for each input of a clip's form: what can be asked, or that the graph decides."""
    workflow, paths = WorkflowGraph("", 1, dict(graph), dict(bindings)), GraphPaths(graph, info)
    return {name: _describe(workflow, paths, name) for name in FORM_INPUTS}


def _describe(workflow: WorkflowGraph, paths: GraphPaths, name: str) -> str:
    bound = workflow.bindings.get(name)
    if not bound:
        return "the graph decides: a shot of another form fails"
    limits = read_limits(paths, bound[0], is_size=name in ("width", "height"))
    own = get_bound_value(workflow, name, workflow.graph)
    default = f"; {own} unless a user names another" if isinstance(own, int | float) else ""
    return f"{_range(limits, UNITS[name])}{_steps(limits, name)}{default}"


def _range(limits: Limits, unit: str) -> str:
    if limits.most is None:
        return f"{limits.least} {unit} or more"
    return f"{limits.least} to {limits.most} {unit}"


def _steps(limits: Limits, name: str) -> str:
    if name == "fps":
        return ", whole numbers only" if limits.is_whole else ""
    if limits.step == 1:
        return ""
    cut = "the clip is cut to the shot" if name == "frames" else "the clip is cropped to the shot"
    return f" in steps of {limits.step}: other values are rendered larger, and {cut}"
