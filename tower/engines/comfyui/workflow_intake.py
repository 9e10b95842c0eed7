"""Examines a workflow that a user submits: checks it against ComfyUI, if one answers, and infers its bindings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tower.clients.comfyui.errors import ComfyUIError
from tower.errors import InvalidError, NotFoundError
from tower.models.files import KIND_BY_FOLDER
from tower.workflows.checking import check_graph, fatal_findings, node_classes
from tower.workflows.defaults import default_findings, fill_defaults
from tower.workflows.editor_nodes import without_editor_nodes
from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.graph import Binding
from tower.workflows.inference import Inference, infer_bindings
from tower.workflows.nodes import ObjectInfo, class_of, inputs_of, specs_of
from tower.workflows.saved_files import clip_findings
from tower.workflows.served_forms import describe_served_forms
from tower.workflows.shapes import shape_findings
from tower.workflows.unwrapping import unwrap_graph

ASK_TIMEOUT_S = 10.0
NO_COMFYUI_REASON = "no ComfyUI is configured for the check: set TOWER_COMFYUI_URL"

BIND_PROMPT = "Bind one (--bind prompt=NODE.INPUT), or say that the graph takes none (--without-prompt, without_prompt)"
# Tower always sends these, so the values in the graph do not matter.
ALWAYS_SENT = ("prompt", "seed", "prefix")


@dataclass(frozen=True)
class SubmittedGraph:
    """A submitted graph. `bindings` are those that the user chose; the others are inferred.

    `without_prompt`: the user says that the graph takes no prompt.
    """

    graph: Mapping[str, Any]
    bindings: Mapping[str, list[Binding]] = field(default_factory=dict)
    without_prompt: bool = False


@dataclass(frozen=True)
class ExaminedGraph:
    """A graph that may be stored. `reason`: why it was not checked. `warnings`: findings that are not fatal.

    `serves`: which lengths, sizes and rates it can render, in words; empty if it was not checked.
    """

    graph: dict[str, Any]
    checked: bool
    reason: str | None
    warnings: list[GraphFinding]
    inferred: Inference
    bindings: dict[str, list[Binding]]
    serves: dict[str, str] = field(default_factory=dict)


def examine_graph(submitted: SubmittedGraph, *, comfyui_url: str | None) -> ExaminedGraph:
    """Check the graph and infer its bindings.

    The graph is taken out of what it is wrapped in, and nodes that exist only in the editor are left out. Raises
    InvalidError, which lists the findings, if it cannot run or nothing in it takes the prompt.
    """
    graph, done = _read_graph(submitted.graph)
    submitted = replace(submitted, graph=graph)
    try:
        info, models = _query_server(comfyui_url, node_classes(graph)) if comfyui_url else (None, {})
    except ComfyUIError as error:
        return _unchecked(submitted, error.message, done)
    if info is None:
        return _unchecked(submitted, NO_COMFYUI_REASON, done)
    _reject_unknown_inputs(submitted, info)
    inferred = infer_bindings(graph, info)
    bindings = {**inferred.bindings, **submitted.bindings}
    full = fill_defaults(graph, info)
    sent = {binding for name in ALWAYS_SENT for binding in bindings.get(name, ())}
    findings = [finding for finding in check_graph(full, info, models) if not _is_overwritten(finding, sent)]
    _reject(findings)
    if not (bindings.get("prompt") or submitted.without_prompt):
        raise _no_prompt(inferred.missing.get("prompt", "none is bound"))
    warnings = done + default_findings(graph, full) + findings + clip_findings(full, info)
    serves = describe_served_forms(full, bindings, info)
    return ExaminedGraph(graph, True, None, warnings, inferred, bindings, serves)


def _read_graph(submitted: Mapping[str, Any]) -> tuple[dict[str, Any], list[GraphFinding]]:
    """The graph in what was submitted, and what was done to get it."""
    unwrapped = unwrap_graph(submitted)
    _reject(shape_findings(unwrapped.graph))
    graph, done = without_editor_nodes(unwrapped.graph)
    _reject(shape_findings(graph))
    if unwrapped.path:
        message = f"The graph was taken out of {unwrapped.path[:80]}"
        done.insert(0, GraphFinding(GraphFindingCode.UNWRAPPED, message, "Nothing needs to be done", fatal=False))
    return graph, done


def _unchecked(submitted: SubmittedGraph, reason: str, done: list[GraphFinding]) -> ExaminedGraph:
    why = f"bindings can only be inferred with the server's node descriptions: {reason}"
    bindings = dict(submitted.bindings)
    if not (bindings.get("prompt") or submitted.without_prompt):
        message = "No input is bound to the prompt, so a render shows the text in the graph"
        done = [*done, GraphFinding(GraphFindingCode.NO_PROMPT, message, BIND_PROMPT, fatal=False)]
    return ExaminedGraph(dict(submitted.graph), False, reason, done, Inference({}, {"*": why}), bindings)


def _is_overwritten(finding: GraphFinding, sent: set[Binding]) -> bool:
    is_about_value = finding.code in (GraphFindingCode.OUT_OF_RANGE, GraphFindingCode.WRONG_TYPE)
    return is_about_value and Binding(finding.node or "", finding.input or "") in sent


def _reject_unknown_inputs(submitted: SubmittedGraph, info: ObjectInfo) -> None:
    """Raises InvalidError for a binding to an input that the node does not have: the value would have no effect."""
    for name, several in submitted.bindings.items():
        for binding in several:
            if binding.node not in submitted.graph or class_of(submitted.graph, binding.node) not in info:
                continue
            given = inputs_of(submitted.graph, binding.node)
            known = [*specs_of(info, class_of(submitted.graph, binding.node), given), *given]
            if binding.input not in known:
                expected = f"an input of node {binding.node}: {', '.join(sorted(set(known))[:20])}"
                raise InvalidError.field(f"bindings.{name}", binding.input, expected)


def _no_prompt(why: str) -> InvalidError:
    details = {"field": "bindings.prompt", "value": None, "expected": "the input that takes the prompt", "reason": why}
    return InvalidError(f"No input of the graph takes the prompt: {why}. {BIND_PROMPT}", details=details)


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
