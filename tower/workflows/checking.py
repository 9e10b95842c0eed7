"""Whether a server can run a graph, said before it is sent: ComfyUI itself overlooks a good deal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tower.workflows.cycles import loops
from tower.workflows.findings import Finding, FindingCode, Where
from tower.workflows.node_packs import pack_of
from tower.workflows.nodes import (
    MATCHED,
    WIDGETS,
    Graph,
    ObjectInfo,
    class_of,
    inputs_of,
    link_of,
    output_nodes,
    outputs_of,
    specs_of,
)
from tower.workflows.values import value_findings

MOTION_WINDOW_FRAMES = 32  # the most that any motion module takes at once; more is a run-time error at the sampler


def check(
    graph: Mapping[str, Any], info: ObjectInfo, models: Mapping[str, Sequence[str]] | None = None
) -> list[Finding]:
    """All that is wrong with the graph on this server, the fatal first.

    `info`: the server's /object_info, of the graph's classes at least. `models`: its model files by folder, where they
    were asked for; a missing file that lies in another folder is then found there.
    """
    findings = list(_shape(graph))
    if not findings:
        findings = [finding for node in graph for finding in _node(graph, info, node, models or {})]
        findings += loops(graph)
        findings += _whole(graph, info)
    return sorted(findings, key=lambda finding: not finding.fatal)


def fatal(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.fatal]


def node_classes(graph: Graph) -> list[str]:
    """What a server must have to run it."""
    return sorted({class_of(graph, node) for node in graph})


def _shape(graph: Mapping[str, Any]) -> Iterator[Finding]:
    if "nodes" in graph and "links" in graph:
        yield Finding(
            FindingCode.NOT_A_GRAPH,
            "This is a workflow as ComfyUI's editor saves it, not in the API format",
            "Export it with Workflow → Export (API)",
        )
        return
    if not graph:
        yield Finding(FindingCode.NOT_A_GRAPH, "The graph is empty", "Export it with Workflow → Export (API)")
    for node, said in graph.items():
        if not isinstance(said, Mapping) or not isinstance(said.get("class_type"), str):
            yield Finding(
                FindingCode.NOT_A_GRAPH,
                f"Node {node} has no class_type",
                "Export the workflow with Workflow → Export (API)",
                node=node,
            )


def _node(graph: Graph, info: ObjectInfo, node: str, models: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    name = class_of(graph, node)
    if name not in info:
        pack = pack_of(name)
        mend = f"Install the node pack {pack} on the ComfyUI server" if pack else "Install the node pack that brings it"
        yield Finding(
            FindingCode.MISSING_NODE, f"The server has no node class {name}", mend, node=node, node_class=name
        )
        return
    given = inputs_of(graph, node)
    specs = specs_of(info, name, given)
    for spec in specs.values():
        if spec.required and spec.name not in given:
            said = "set" if spec.kind in WIDGETS else "wired"
            yield Finding(
                FindingCode.REQUIRED_INPUT,
                f"The required input {spec.name} of {name} is not {said}",
                f"Connect or fill in {spec.name}",
                node=node,
                node_class=name,
                input=spec.name,
            )
    for input_name, value in given.items():
        found = specs.get(input_name)
        if found is None:
            yield _unknown(node, name, input_name)
        elif link_of(value) is not None:
            yield from _wire(graph, info, node, input_name, found.kind)
        else:
            yield from value_findings(node, name, found, value, models=models)


def _unknown(node: str, name: str, input_name: str) -> Finding:
    return Finding(
        FindingCode.UNKNOWN_INPUT,
        f"{name} has no input {input_name}: the server ignores it",
        f"Remove {input_name}, or update the node pack that should know it",
        fatal=False,
        node=node,
        node_class=name,
        input=input_name,
    )


def _wire(graph: Graph, info: ObjectInfo, node: str, input_name: str, kind: str) -> Iterator[Finding]:
    name, link = class_of(graph, node), link_of(inputs_of(graph, node)[input_name])
    if link is None:
        return
    where: Where = {"node": node, "node_class": name, "input": input_name}
    if link.source not in graph:
        message = f"{input_name} of {name} is wired to node {link.source}, which is not there"
        yield Finding(FindingCode.BROKEN_LINK, message, "Wire it to a node of the graph", **where)
        return
    source = class_of(graph, link.source)
    if source not in info:
        return  # said already, as a missing class
    outputs = outputs_of(info, source)
    if not 0 <= link.slot < len(outputs):
        message = f"{input_name} of {name} is wired to output {link.slot} of {source}, which has {len(outputs)}"
        yield Finding(FindingCode.BROKEN_LINK, message, "Wire it to an output that exists", **where)
    elif not _fits(outputs[link.slot], kind):
        message = f"{input_name} of {name} takes {kind}, but output {link.slot} of {source} gives {outputs[link.slot]}"
        yield Finding(FindingCode.WRONG_TYPE, message, f"Wire it to an output of type {kind}", **where)


def _fits(given: Any, wanted: str) -> bool:
    if isinstance(given, list):
        return wanted in ("COMBO", "*")
    kinds = set(str(given).split(",")) & set(wanted.split(","))
    return bool(kinds) or "*" in (given, wanted) or given == MATCHED or wanted.startswith("COMFY_")


def _whole(graph: Graph, info: ObjectInfo) -> Iterator[Finding]:
    """What no single node shows: nothing is saved, or a window of frames that no motion module takes."""
    if not output_nodes(graph, info) and all(class_of(graph, node) in info for node in graph):
        mend = "Add VHS_VideoCombine, SaveVideo or SaveImage at its end"
        yield Finding(FindingCode.NO_OUTPUT, "The graph saves nothing", mend)
    for node in graph:
        name, window = class_of(graph, node), inputs_of(graph, node).get("context_length")
        if name.startswith("ADE_") and isinstance(window, int) and window > MOTION_WINDOW_FRAMES:
            yield Finding(
                FindingCode.OUT_OF_RANGE,
                f"context_length of {name} is {window}; motion modules take at most {MOTION_WINDOW_FRAMES} frames",
                "Set it to 24 or less",
                node=node,
                node_class=name,
                input="context_length",
            )
