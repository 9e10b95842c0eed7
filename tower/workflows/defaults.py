"""Fills in the inputs that a graph lacks because the server's nodes are newer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tower.workflows.nodes import WIDGETS, ObjectInfo, class_of, specs_of


def fill_defaults(graph: Mapping[str, Any], info: ObjectInfo) -> dict[str, Any]:
    """A copy with the server's default in each required input that is not set, as ComfyUI's editor does.

    Updates add required inputs to existing nodes, and the server refuses graphs without them.
    """
    full: dict[str, Any] = copy.deepcopy(dict(graph))
    for node, content in full.items():
        inputs = content.setdefault("inputs", {})
        for spec in specs_of(info, class_of(full, node), inputs).values():
            if spec.required and spec.name not in inputs and spec.kind in WIDGETS and "default" in spec.options:
                inputs[spec.name] = spec.options["default"]
    return full
