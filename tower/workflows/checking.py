"""Checks whether a server can run a graph before it is sent. ComfyUI's own validation misses many errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tower.workflows.cycles import find_cycles
from tower.workflows.editor_nodes import EDITOR_NODES
from tower.workflows.findings import GraphFinding, GraphFindingCode, InputLocation
from tower.workflows.node_packs import find_pack
from tower.workflows.nodes import (
    MATCH_TYPE,
    WIDGETS,
    Graph,
    InputSpec,
    ObjectInfo,
    class_of,
    inputs_of,
    link_of,
    output_nodes,
    outputs_of,
    specs_of,
)
from tower.workflows.shapes import shape_findings
from tower.workflows.values import check_value, listed

MOTION_WINDOW_FRAMES = 32  # the most that a motion module takes at once; more is a run-time error in the sampler


def check_graph(
    graph: Mapping[str, Any], info: ObjectInfo, models: Mapping[str, Sequence[str]] | None = None
) -> list[GraphFinding]:
    """All findings for the graph on this server, the fatal ones first.

    `info`: the server's /object_info, at least for the graph's classes. `models`: its model files by folder, if known;
    with them the check finds a missing file in another folder.
    """
    findings = shape_findings(graph)
    if not findings:
        findings = [finding for node in graph for finding in _node_findings(graph, info, node, models or {})]
        findings += find_cycles(graph)
        findings += _graph_findings(graph, info)
    return sorted(findings, key=lambda finding: not finding.fatal)


def fatal_findings(findings: list[GraphFinding]) -> list[GraphFinding]:
    return [finding for finding in findings if finding.fatal]


def node_classes(graph: Graph) -> list[str]:
    """The node classes that a server needs to run the graph."""
    return sorted({class_of(graph, node) for node in graph})


def _node_findings(
    graph: Graph, info: ObjectInfo, node: str, models: Mapping[str, Sequence[str]]
) -> Iterator[GraphFinding]:
    name = class_of(graph, node)
    if name not in info:
        message = f"The server has no node class {name}"
        yield GraphFinding(GraphFindingCode.MISSING_NODE, message, _missing_remedy(name), node=node, node_class=name)
        return
    given = inputs_of(graph, node)
    specs = specs_of(info, name, given)
    for spec in specs.values():
        if spec.required and spec.name not in given:
            yield _required_input(node, name, spec)
    for input_name, value in given.items():
        found = specs.get(input_name)
        if found is None:
            yield _unknown_input(node, name, input_name, value)
        elif link_of(value) is not None:
            yield from _link_findings(graph, info, node, input_name, found.kind)
        else:
            yield from check_value(node, name, found, value, models=models)


def _required_input(node: str, name: str, spec: InputSpec) -> GraphFinding:
    verb = "set" if spec.kind in WIDGETS else "wired"
    message = f"The required input {spec.name} of {name} is not {verb}"
    choices = f"; {listed(spec.choices)}" if spec.choices is not None else ""
    remedy = f"Connect or fill in {spec.name}{choices}"
    return GraphFinding(GraphFindingCode.REQUIRED_INPUT, message, remedy, node=node, node_class=name, input=spec.name)


def _missing_remedy(name: str) -> str:
    if name in EDITOR_NODES:
        return "It exists only in ComfyUI's editor: remove it, and wire what it was wired to directly"
    pack = find_pack(name)
    return f"Install the node pack {pack} on the ComfyUI server" if pack else "Install the node pack that brings it"


def _unknown_input(node: str, name: str, input_name: str, value: Any) -> GraphFinding:
    """A finding for an input that the server does not describe. Some nodes grow such inputs in the editor."""
    grows = isinstance(value, Mapping) or link_of(value) is not None or input_name[-1:].isdigit()
    message = f"The server describes no input {input_name} of {name}"
    return GraphFinding(
        GraphFindingCode.UNKNOWN_INPUT,
        f"{message}, as of a node that grows its inputs in the editor: it is sent as it is"
        if grows
        else f"{message}: a node that keeps what it showed has such inputs, and the server ignores them",
        "Nothing needs to be done if the editor shows it; otherwise the node pack there is newer than on the server",
        fatal=False,
        node=node,
        node_class=name,
        input=input_name,
    )


def _link_findings(graph: Graph, info: ObjectInfo, node: str, input_name: str, kind: str) -> Iterator[GraphFinding]:
    name, link = class_of(graph, node), link_of(inputs_of(graph, node)[input_name])
    if link is None:
        return
    where: InputLocation = {"node": node, "node_class": name, "input": input_name}
    if link.source not in graph:
        message = f"{input_name} of {name} is wired to node {link.source}, which does not exist"
        yield GraphFinding(GraphFindingCode.BROKEN_LINK, message, "Wire it to a node of the graph", **where)
        return
    source = class_of(graph, link.source)
    if source not in info:
        return  # already reported as a missing class
    outputs = outputs_of(info, source)
    if not 0 <= link.slot < len(outputs):
        message = f"{input_name} of {name} is wired to output {link.slot} of {source}, which has {len(outputs)}"
        yield GraphFinding(GraphFindingCode.BROKEN_LINK, message, "Wire it to an output that exists", **where)
    elif not _types_match(outputs[link.slot], kind):
        message = f"{input_name} of {name} takes {kind}, but output {link.slot} of {source} gives {outputs[link.slot]}"
        yield GraphFinding(GraphFindingCode.WRONG_TYPE, message, f"Wire it to an output of type {kind}", **where)


def _types_match(output: Any, expected: str) -> bool:
    if isinstance(output, list):
        return expected in ("COMBO", "*")
    kinds = set(str(output).split(",")) & set(expected.split(","))
    return bool(kinds) or "*" in (output, expected) or output == MATCH_TYPE or expected.startswith("COMFY_")


def _graph_findings(graph: Graph, info: ObjectInfo) -> Iterator[GraphFinding]:
    """Findings about the whole graph: it saves nothing, or its window of frames is too long for motion modules."""
    if not output_nodes(graph, info) and all(class_of(graph, node) in info for node in graph):
        remedy = "Add VHS_VideoCombine, SaveVideo or SaveImage at its end"
        yield GraphFinding(GraphFindingCode.NO_OUTPUT, "The graph saves nothing", remedy)
    for node in graph:
        name, window = class_of(graph, node), inputs_of(graph, node).get("context_length")
        if name.startswith("ADE_") and isinstance(window, int) and window > MOTION_WINDOW_FRAMES:
            yield GraphFinding(
                GraphFindingCode.OUT_OF_RANGE,
                f"context_length of {name} is {window}; motion modules take at most {MOTION_WINDOW_FRAMES} frames",
                "Set it to 24 or less",
                node=node,
                node_class=name,
                input="context_length",
            )
