"""Graphs and object_info for the tests of workflows."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.fakes.comfyui.setup import add_models, load_object_info

DOCUMENTED_MODELS = {"animatediff_models": ["mm-Stabilized_high.pth"]}


def object_info_with(models: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """The recorded object_info, with the documented models and `models` added to the choices."""
    info = load_object_info()
    add_models(info, DOCUMENTED_MODELS)
    add_models(info, models or {})
    return info


def with_inputs(graph: Mapping[str, Any], node: str, **inputs: Any) -> dict[str, Any]:
    """Return a copy with these inputs of a node. An input that is None is removed."""
    copied = copy.deepcopy(dict(graph))
    copied[node]["inputs"] |= inputs
    copied[node]["inputs"] = {name: value for name, value in copied[node]["inputs"].items() if value is not None}
    return copied


def with_renamed_nodes(graph: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same graph with other node ids, in the order of the new ids."""

    def value_of(value: Any) -> Any:
        return [names[value[0]], value[1]] if isinstance(value, list) else value

    nodes = {
        names[node]: {**definition, "inputs": {name: value_of(value) for name, value in definition["inputs"].items()}}
        for node, definition in graph.items()
    }
    return {node: nodes[node] for node in sorted(nodes)}
