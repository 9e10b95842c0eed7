"""Reading graphs in ComfyUI's API format, and what a server's /object_info says of their nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]
ObjectInfo = Mapping[str, Mapping[str, Any]]

WIDGETS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
DYNAMIC = "COMFY_DYNAMICCOMBO_V3"  # a list of which each choice brings inputs of its own, named "codec.encoding"
GROWING = "COMFY_AUTOGROW_V3"  # as many inputs as are wired, named "images.image0", "images.image1", …
MATCHED = "COMFY_MATCHTYPE_V3"  # any type; an output has that of what is wired to such an input


@dataclass(frozen=True)
class Link:
    """An input that takes the output `slot` of the node `source`."""

    source: str
    slot: int


@dataclass(frozen=True)
class InputSpec:
    """An input as the server describes it. `kind`: INT, FLOAT, STRING, BOOLEAN, COMBO, or the type of a link."""

    name: str
    kind: str
    required: bool
    choices: tuple[Any, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uploaded(self) -> bool:
        """Whether it names an uploaded file: the server looks for the file itself, its list may be old."""
        return any(self.options.get(mark) for mark in ("image_upload", "video_upload", "audio_upload"))


def link_of(value: Any) -> Link | None:
    """The link that this value of an input is; None if it is a value of its own."""
    match value:
        case [str(source), int(slot)] if not isinstance(slot, bool):
            return Link(source, slot)
        case _:
            return None


def class_of(graph: Graph, node: str) -> str:
    return str(graph[node].get("class_type", ""))


def inputs_of(graph: Graph, node: str) -> Mapping[str, Any]:
    found = graph[node].get("inputs")
    return found if isinstance(found, Mapping) else {}


def links_of(graph: Graph, node: str) -> Iterator[tuple[str, Link]]:
    """The wired inputs of a node whose source exists."""
    for name, value in inputs_of(graph, node).items():
        link = link_of(value)
        if link is not None and link.source in graph:
            yield name, link


def outputs_of(info: ObjectInfo, node_class: str) -> Sequence[Any]:
    """The type of each output slot."""
    found = info.get(node_class, {}).get("output") or ()
    return list(found)


def output_nodes(graph: Graph, info: ObjectInfo) -> list[str]:
    """The nodes that make a file or a preview, in the order of the graph."""
    return [node for node in graph if info.get(class_of(graph, node), {}).get("output_node")]


def specs_of(info: ObjectInfo, node_class: str, given: Mapping[str, Any]) -> dict[str, InputSpec]:
    """Every input that the class takes, those included that the values in `given` bring along."""
    described = info.get(node_class, {}).get("input", {})
    return {spec.name: spec for spec in _expanded(described, given, prefix="")}


def _expanded(described: Mapping[str, Any], given: Mapping[str, Any], *, prefix: str) -> Iterator[InputSpec]:
    for group in ("required", "optional"):
        for name, said in (described.get(group) or {}).items():
            spec = _spec(prefix + name, said, required=group == "required")
            if spec.kind == GROWING:
                yield from _grown(spec)
                continue
            optional = prefix and "dynamic" in spec.options  # to the server, a list inside a list is never missing
            yield replace(spec, required=False) if optional else spec
            yield from _brought(spec, given)


def _brought(spec: InputSpec, given: Mapping[str, Any]) -> Iterator[InputSpec]:
    """The inputs that come with the choice made: those of a dynamic list, and VideoHelperSuite's of each format."""
    chosen = given.get(spec.name)
    if spec.kind == "COMBO" and spec.options.get("dynamic"):
        for option in spec.options["dynamic"]:
            if option.get("key") == chosen:
                yield from _expanded(option.get("inputs", {}), given, prefix=f"{spec.name}.")
    formats = spec.options.get("formats")
    widgets = formats.get(chosen) if isinstance(formats, Mapping) and isinstance(chosen, str) else None
    if isinstance(widgets, list):
        for name, *said in widgets:
            yield _spec(name, said, required=False)


def _grown(spec: InputSpec) -> Iterator[InputSpec]:
    """All inputs that it may grow to; the first `min` of them are required, where its template is."""
    template = spec.options.get("template") or {}
    names = template.get("names") or [f"{template.get('prefix')}{number}" for number in range(template.get("max", 0))]
    said, required = next(
        ((said, group == "required") for group, inputs in template["input"].items() for said in inputs.values())
    )
    for number, name in enumerate(names):
        yield _spec(f"{spec.name}.{name}", said, required=required and number < template.get("min", 0))


def _spec(name: str, said: Any, *, required: bool) -> InputSpec:
    kind, *rest = said if isinstance(said, list | tuple) else [said]
    options = rest[0] if rest and isinstance(rest[0], Mapping) else {}
    if isinstance(kind, list):
        return InputSpec(name, "COMBO", required, tuple(kind), options)
    if kind == DYNAMIC:
        dynamic = options.get("options") or []
        return InputSpec(name, "COMBO", required, tuple(o.get("key") for o in dynamic), {"dynamic": dynamic})
    if kind == "COMBO":
        return InputSpec(name, "COMBO", required, tuple(options.get("options") or ()), options)
    return InputSpec(name, str(kind), required, None, options)
