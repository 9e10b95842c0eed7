"""Writes values into the bound inputs of a workflow's graph."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from tower.errors import InvalidError
from tower.workflows.graph import Binding, WorkflowGraph
from tower.workflows.limits import cover_frames, cover_pixels
from tower.workflows.nodes import InputSpec, ObjectInfo, class_of, inputs_of, output_nodes, specs_of
from tower.workflows.paths import GraphPaths
from tower.workflows.sampling import find_samplers

SIZE_NAMES = ("width", "height")


def bind_values(
    workflow: WorkflowGraph, values: Mapping[str, Any], *, graph: Mapping[str, Any], info: ObjectInfo
) -> dict[str, Any]:
    """A copy of `graph`, the workflow's own or a variant, with each value in the inputs bound to its name.

    Sizes before a sampler and numbers of frames are the smallest that cover the value and that the server takes.
    Raises InvalidError for a binding to a missing node, and for a value that an input cannot take.
    """
    filled: dict[str, Any] = copy.deepcopy(dict(graph))
    paths = GraphPaths(filled, info)
    samplers = find_samplers(paths, output_nodes(filled, info))
    latents = {node for sampler in samplers for node in paths.walk_upstream(sampler)}
    for name, value in values.items():
        for binding in workflow.bindings.get(name, ()):
            check_binding(filled, name, binding)
            specs = specs_of(info, class_of(filled, binding.node), inputs_of(filled, binding.node))
            converted = _convert(specs.get(binding.input), name, value)
            if name in SIZE_NAMES and binding.node in latents:
                converted = cover_pixels(paths, binding, converted)
            elif name == "frames":
                converted = cover_frames(paths, binding, converted)
            filled[binding.node]["inputs"][binding.input] = converted
    return filled


def check_binding(graph: Mapping[str, Any], name: str, binding: Binding) -> None:
    """Raises InvalidError if the graph has no such node."""
    if not isinstance(graph.get(binding.node), Mapping) or "inputs" not in graph[binding.node]:
        raise InvalidError.field(f"bindings.{name}", binding.node, "a node of the graph that has inputs")


def get_bound_value(workflow: WorkflowGraph, name: str, graph: Mapping[str, Any]) -> Any:
    """The value of the first input bound to `name` in this graph; None if no input is bound."""
    binding = next(iter(workflow.bindings.get(name, ())), None)
    return None if binding is None else inputs_of(graph, binding.node).get(binding.input)


def bindings_to_json(bindings: Mapping[str, list[Binding]]) -> dict[str, Any]:
    return {name: [{"node": b.node, "input": b.input} for b in several] for name, several in bindings.items()}


def bindings_from_json(stored: Mapping[str, Any]) -> dict[str, list[Binding]]:
    return {name: [Binding(b["node"], b["input"]) for b in several] for name, several in stored.items()}


def canonical_bytes(graph: Mapping[str, Any], bindings: Mapping[str, list[Binding]]) -> bytes:
    """A serialisation that is equal for equal workflows, independent of the order of keys."""
    return json.dumps([graph, bindings_to_json(bindings)], sort_keys=True, separators=(",", ":")).encode()


def _convert(spec: InputSpec | None, name: str, value: Any) -> Any:
    """The value converted to the type of the input. It stays unchanged if the server does not describe the input.

    Raises InvalidError for a fraction where the input takes whole numbers.
    """
    match spec.kind if spec else None:
        case "INT":
            if isinstance(value, float) and not value.is_integer():
                raise InvalidError.field(name, value, "a whole number: the workflow takes no other")
            return int(value)
        case "FLOAT":
            return float(value)
        case "STRING":
            return str(value)
        case _:
            return value
