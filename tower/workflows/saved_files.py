"""Tells from a graph what kind of files it saves, before anything is rendered."""

from __future__ import annotations

import re

from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.kinds import carries_pictures
from tower.workflows.nodes import Graph, ObjectInfo, inputs_of, output_nodes
from tower.workflows.paths import GraphPaths

SUFFIXES = {"prores": "mov", "apng": "png", "auto": "mp4"} | {
    suffix: suffix for suffix in ("mp4", "webm", "webp", "gif", "mkv", "mov", "avi", "png", "jpg", "jpeg")
}
PICTURES = frozenset({"png", "jpg", "jpeg"})
PICTURE_CLASSES = ("saveimage", "previewimage")
REMEDY = "End it with VHS_VideoCombine in the format video/h264-mp4, or with SaveVideo in the format mp4"


def clip_findings(graph: Graph, info: ObjectInfo) -> list[GraphFinding]:
    """A finding if the graph saves no MP4, which a shot must be; none if it has an output of an unknown kind."""
    paths = GraphPaths(graph, info)
    suffixes = [suffix for node in output_nodes(graph, info) for suffix in _suffixes(paths, node)]
    if not suffixes or None in suffixes or "mp4" in suffixes:
        return []
    kinds = ", ".join(sorted({str(suffix) for suffix in suffixes}))
    if set(suffixes) <= PICTURES:
        message = f"The graph saves pictures ({kinds}), so it is of no use for shots"
    else:
        message = f"The graph saves {kinds}, and a shot must be an MP4"
    return [GraphFinding(GraphFindingCode.NOT_A_CLIP, message, REMEDY, fatal=False)]


def _suffixes(paths: GraphPaths, node: str) -> list[str | None]:
    """The kind of file that an output node saves; None if unknown; empty if it saves no pictures."""
    if not any(carries_pictures(paths.link_type(link)) for link in paths.links(node).values()):
        return []
    holder = paths.value_holder(node, "format")
    if holder is not None:
        return [_suffix_in(str(inputs_of(paths.graph, holder[0])[holder[1]]))]
    if "format" in inputs_of(paths.graph, node):
        return [None]
    name = paths.class_of(node).lower()
    return ["png" if any(word in name for word in PICTURE_CLASSES) else _suffix_in(name)]


def _suffix_in(text: str) -> str | None:
    """The suffix that a format such as video/h264-mp4, or the name of a class, ends with."""
    found = re.findall("|".join(sorted(SUFFIXES, key=len, reverse=True)), text.lower())
    return SUFFIXES[found[-1]] if found else None
