"""Finds the graph in what people have: a request to ComfyUI or a hosting service, an entry of its history, a note."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_DEPTH, MAX_LOOKS = 5, 2000
NOT_GRAPHS = ("extra_data", "extra_pnginfo", "extra")  # these hold the workflow in the editor's form
EDITOR_KEYS = {"nodes", "links"}


@dataclass(frozen=True)
class Unwrapped:
    """A graph, and the path to it in what was submitted: "" for the graph itself."""

    graph: Mapping[str, Any]
    path: str = ""


def unwrap_graph(submitted: Mapping[str, Any]) -> Unwrapped:
    """The only graph in API format inside `submitted`; `submitted` itself if there is none, or more than one."""
    if _is_graph(submitted):
        return Unwrapped(submitted)
    found = [Unwrapped(value, path) for path, value in _walk(submitted)]
    graphs = [inner for inner in found if _is_graph(inner.graph)]
    if len(graphs) == 1:
        return graphs[0]
    saved = [inner for inner in found if is_editor_format(inner.graph)]
    return saved[0] if saved and not graphs else Unwrapped(submitted)


def is_editor_format(graph: Mapping[str, Any]) -> bool:
    """Whether this is a workflow as ComfyUI's editor saves it."""
    return graph.keys() >= EDITOR_KEYS and not _is_graph(graph)


def _is_graph(value: Mapping[str, Any]) -> bool:
    return any(isinstance(node, Mapping) and "class_type" in node for node in value.values())


def _walk(start: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object inside, the outer ones first, with its path. Nothing inside a graph is looked at."""
    waiting: list[tuple[str, Any, int]] = [("", start, 0)]
    for _ in range(MAX_LOOKS):
        if not waiting:
            return
        path, value, depth = waiting.pop(0)
        value = _parsed(value)
        if isinstance(value, Mapping) and depth:
            yield path, value
            if _is_graph(value) or is_editor_format(value):
                continue
        if depth < MAX_DEPTH:
            inner = [(f"{path}.{key}".lstrip("."), item, depth + 1) for key, item in _items(value)]
            waiting += inner


def _items(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(str(key), item) for key, item in value.items() if key not in NOT_GRAPHS]
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return [(str(number), item) for number, item in enumerate(value)] if is_list else []


def _parsed(value: Any) -> Any:
    """The object in a text of JSON; other values as they are."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
