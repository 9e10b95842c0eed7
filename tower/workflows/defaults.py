"""Fills in the inputs that a graph lacks because the server's nodes are newer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.nodes import WIDGETS, InputSpec, ObjectInfo, class_of, inputs_of, specs_of
from tower.workflows.values import shorten

MAX_ROUNDS = 4  # a default can bring inputs of its own, which have defaults too
FILE_SUFFIXES = frozenset(
    {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx", ".png", ".jpg", ".mp4"}
)


def fill_defaults(graph: Mapping[str, Any], info: ObjectInfo) -> dict[str, Any]:
    """A copy with the server's default in each required input that is not set, as ComfyUI's editor does.

    Updates add required inputs to existing nodes, and the server refuses graphs without them. A list without a default
    gives its first choice, unless it is one of files: which file is meant, only the author knows.
    """
    full: dict[str, Any] = copy.deepcopy(dict(graph))
    for node, content in full.items():
        inputs = content.setdefault("inputs", {})
        for _ in range(MAX_ROUNDS):
            specs = specs_of(info, class_of(full, node), inputs).values()
            missing = [spec for spec in specs if spec.required and spec.name not in inputs and has_default(spec)]
            inputs |= {spec.name: default_of(spec) for spec in missing}
    return full


def default_findings(graph: Mapping[str, Any], full: Mapping[str, Any]) -> list[GraphFinding]:
    """What `fill_defaults` added, as findings."""
    return [
        GraphFinding(
            GraphFindingCode.DEFAULT_USED,
            f"{name} of {class_of(full, node)} is not set: the server's default {shorten(value)} is used",
            "Set it in the graph to choose another",
            fatal=False,
            node=node,
            node_class=class_of(full, node),
            input=name,
        )
        for node in full
        for name, value in inputs_of(full, node).items()
        if name not in inputs_of(graph, node)
    ]


def has_default(spec: InputSpec) -> bool:
    if spec.kind not in WIDGETS:
        return False
    return "default" in spec.options or bool(spec.choices and not _lists_files(spec))


def default_of(spec: InputSpec) -> Any:
    return spec.options["default"] if "default" in spec.options else (spec.choices or (None,))[0]


def _lists_files(spec: InputSpec) -> bool:
    return spec.is_upload or any(
        PurePosixPath(choice).suffix.lower() in FILE_SUFFIXES
        for choice in spec.choices or ()
        if isinstance(choice, str)
    )
