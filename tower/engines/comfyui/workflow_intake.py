"""Taking in a workflow of the user's own: checked against ComfyUI where one answers, its bindings inferred, stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tower.clients.comfyui.errors import ComfyUIError
from tower.errors import InvalidError, NotFoundError
from tower.models.files import KINDS
from tower.workflows.checking import check, fatal, node_classes
from tower.workflows.defaults import completed
from tower.workflows.findings import Finding
from tower.workflows.graph import Binding
from tower.workflows.inference import Inference, infer

ASK_TIMEOUT_S = 10.0
NOT_ASKED = "no ComfyUI is configured to check it against: set TOWER_COMFYUI_URL"


@dataclass(frozen=True)
class Submitted:
    """A graph as it came in. `bindings` are the user's own; what they leave out is inferred."""

    graph: Mapping[str, Any]
    bindings: Mapping[str, list[Binding]] = field(default_factory=dict)


@dataclass(frozen=True)
class Examined:
    """A graph that may be stored. `reason`: why it was not checked; `warnings`: what is odd, but runs."""

    checked: bool
    reason: str | None
    warnings: list[Finding]
    inferred: Inference
    bindings: dict[str, list[Binding]]


def examine(submitted: Submitted, *, comfyui_url: str | None) -> Examined:
    """Check the graph and infer its bindings. Raises InvalidError that lists the findings if it cannot run."""
    _refuse(check(submitted.graph, {}) if not _is_graph(submitted.graph) else [])
    try:
        info, models = _asked(comfyui_url, node_classes(submitted.graph)) if comfyui_url else (None, {})
    except ComfyUIError as silent:
        return _unchecked(submitted, silent.message)
    if info is None:
        return _unchecked(submitted, NOT_ASKED)
    findings = check(completed(submitted.graph, info), info, models)
    _refuse(findings)
    inferred = infer(submitted.graph, info)
    return Examined(True, None, findings, inferred, {**inferred.bindings, **submitted.bindings})


def _is_graph(graph: Mapping[str, Any]) -> bool:
    return bool(graph) and all(
        isinstance(node, Mapping) and isinstance(node.get("class_type"), str) for node in graph.values()
    )


def _unchecked(submitted: Submitted, reason: str) -> Examined:
    nothing = Inference({}, {"*": f"bindings are inferred from what the server says of its nodes: {reason}"})
    return Examined(False, reason, [], nothing, dict(submitted.bindings))


def _asked(url: str, classes: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What the server says of these node classes, and its model files by folder."""
    from tower.clients.comfyui.client import ComfyUIClient  # loads a websocket library

    models: dict[str, list[str]] = {}
    with ComfyUIClient(url, timeout_s=ASK_TIMEOUT_S) as comfyui:
        info = comfyui.catalogue.of_classes(classes)
        for folder in KINDS:
            try:
                models[folder] = comfyui.catalogue.models(folder)
            except NotFoundError:  # a folder that only some servers have
                continue
    return info, models


def _refuse(findings: Sequence[Finding]) -> None:
    wrong = fatal(list(findings))
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise InvalidError(
            f"The graph cannot run: {wrong[0]}{more}",
            details={
                "field": "graph",
                "value": wrong[0].node,
                "expected": wrong[0].mend,
                "findings": [asdict(finding) for finding in findings],
            },
        )
