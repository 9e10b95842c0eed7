"""Examines a workflow that a user submits: checks it against ComfyUI, if one answers, and infers its bindings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tower.clients.comfyui.errors import ComfyUIError
from tower.errors import InvalidError, NotFoundError
from tower.models.files import KIND_BY_FOLDER
from tower.workflows.checking import check_graph, fatal_findings, node_classes
from tower.workflows.defaults import fill_defaults
from tower.workflows.findings import GraphFinding
from tower.workflows.graph import Binding
from tower.workflows.inference import Inference, infer_bindings

ASK_TIMEOUT_S = 10.0
NO_COMFYUI_REASON = "no ComfyUI is configured for the check: set TOWER_COMFYUI_URL"


@dataclass(frozen=True)
class SubmittedGraph:
    """A submitted graph. `bindings` are those that the user chose; the others are inferred."""

    graph: Mapping[str, Any]
    bindings: Mapping[str, list[Binding]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExaminedGraph:
    """A graph that may be stored. `reason`: why it was not checked. `warnings`: findings that are not fatal."""

    checked: bool
    reason: str | None
    warnings: list[GraphFinding]
    inferred: Inference
    bindings: dict[str, list[Binding]]


def examine_graph(submitted: SubmittedGraph, *, comfyui_url: str | None) -> ExaminedGraph:
    """Check the graph and infer its bindings. Raises InvalidError, which lists the findings, if it cannot run."""
    _reject(check_graph(submitted.graph, {}) if not _is_graph(submitted.graph) else [])
    try:
        info, models = _query_server(comfyui_url, node_classes(submitted.graph)) if comfyui_url else (None, {})
    except ComfyUIError as error:
        return _unchecked(submitted, error.message)
    if info is None:
        return _unchecked(submitted, NO_COMFYUI_REASON)
    findings = check_graph(fill_defaults(submitted.graph, info), info, models)
    _reject(findings)
    inferred = infer_bindings(submitted.graph, info)
    return ExaminedGraph(True, None, findings, inferred, {**inferred.bindings, **submitted.bindings})


def _is_graph(graph: Mapping[str, Any]) -> bool:
    return bool(graph) and all(
        isinstance(node, Mapping) and isinstance(node.get("class_type"), str) for node in graph.values()
    )


def _unchecked(submitted: SubmittedGraph, reason: str) -> ExaminedGraph:
    inference = Inference({}, {"*": f"bindings can only be inferred with the server's node descriptions: {reason}"})
    return ExaminedGraph(False, reason, [], inference, dict(submitted.bindings))


def _query_server(url: str, classes: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The server's descriptions of these node classes, and its model files by folder."""
    from tower.clients.comfyui.client import ComfyUIClient  # imported late: it loads a websocket library

    models: dict[str, list[str]] = {}
    with ComfyUIClient(url, timeout_s=ASK_TIMEOUT_S) as comfyui:
        info = comfyui.catalogue.get_class_info(classes)
        for folder in KIND_BY_FOLDER:
            try:
                models[folder] = comfyui.catalogue.list_models(folder)
            except NotFoundError:  # not every server has every folder
                continue
    return info, models


def _reject(findings: Sequence[GraphFinding]) -> None:
    errors = fatal_findings(list(findings))
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InvalidError(
            f"The graph cannot run: {errors[0]}{more}",
            details={
                "field": "graph",
                "value": errors[0].node,
                "expected": errors[0].mend,
                "findings": [asdict(finding) for finding in findings],
            },
        )
