"""Reads graphs in ComfyUI's API format and the /object_info of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]
ObjectInfo = Mapping[str, Mapping[str, Any]]

WIDGETS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"  # a list; each choice adds inputs with names like "codec.encoding"
AUTOGROW = "COMFY_AUTOGROW_V3"  # a variable number of inputs, named "images.image0", "images.image1", …
MATCH_TYPE = "COMFY_MATCHTYPE_V3"  # any type; an output has the type that is linked to the input


@dataclass(frozen=True)
class Link:
    """The link of an input to output `slot` of the node `source`."""

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
    def is_upload(self) -> bool:
        """Whether the input names an uploaded file. The server looks for the file itself; its list may be outdated."""
        return any(self.options.get(mark) for mark in ("image_upload", "video_upload", "audio_upload"))


def link_of(value: Any) -> Link | None:
    """The link in this value of an input; None for a plain value."""
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
    found = mapping_of(info.get(node_class)).get("output")
    return found if isinstance(found, list | tuple) else []


def output_nodes(graph: Graph, info: ObjectInfo) -> list[str]:
    """The nodes that write a file or a preview, in the order of the graph."""
    return [node for node in graph if mapping_of(info.get(class_of(graph, node))).get("output_node")]


def specs_of(info: ObjectInfo, node_class: str, given: Mapping[str, Any]) -> dict[str, InputSpec]:
    """All inputs of a class, including those that depend on the values in `given`."""
    described = mapping_of(info.get(node_class)).get("input")
    return {spec.name: spec for spec in _expand_inputs(described, given, prefix="")}


def _expand_inputs(described: Any, given: Mapping[str, Any], *, prefix: str) -> Iterator[InputSpec]:
    for group in ("required", "optional"):
        for name, definition in mapping_of(mapping_of(described).get(group)).items():
            spec = _spec(prefix + name, definition, required=group == "required")
            if spec.kind == AUTOGROW:
                yield from _expand_autogrow(spec)
                continue
            optional = prefix and "dynamic" in spec.options  # the server treats a list inside a list as optional
            yield replace(spec, required=False) if optional else spec
            yield from _inputs_of_choice(spec, given)


def _inputs_of_choice(spec: InputSpec, given: Mapping[str, Any]) -> Iterator[InputSpec]:
    """The inputs that depend on the choice: those of a dynamic list, and VideoHelperSuite's for each format."""
    chosen = given.get(spec.name)
    if spec.kind == "COMBO" and spec.options.get("dynamic"):
        for option in map(mapping_of, spec.options["dynamic"]):
            if option.get("key") == chosen:
                yield from _expand_inputs(option.get("inputs", {}), given, prefix=f"{spec.name}.")
    formats = spec.options.get("formats")
    widgets = formats.get(chosen) if isinstance(formats, Mapping) and isinstance(chosen, str) else None
    if isinstance(widgets, list):
        for name, *definition in (widget for widget in widgets if isinstance(widget, list) and widget):
            yield _spec(str(name), definition, required=False)


def _expand_autogrow(spec: InputSpec) -> Iterator[InputSpec]:
    """All inputs of a variable list. The first `min` are required if its template is."""
    template = mapping_of(spec.options.get("template"))
    names = template.get("names") or [f"{template.get('prefix')}{number}" for number in range(template.get("max", 0))]
    groups = mapping_of(template.get("input")).items()
    definitions = [(group == "required", one) for group, inputs in groups for one in mapping_of(inputs).values()]
    for required, definition in definitions[:1]:
        for number, name in enumerate(names):
            yield _spec(f"{spec.name}.{name}", definition, required=required and number < template.get("min", 0))


def _spec(name: str, definition: Any, *, required: bool) -> InputSpec:
    kind, *rest = definition if isinstance(definition, list | tuple) and definition else [definition or "*"]
    options = rest[0] if rest and isinstance(rest[0], Mapping) else {}
    if isinstance(kind, list):
        return InputSpec(name, "COMBO", required, tuple(kind), options)
    if kind == DYNAMIC_COMBO:
        dynamic = options.get("options") or []
        keys = tuple(mapping_of(option).get("key") for option in dynamic)
        return InputSpec(name, "COMBO", required, keys, {"dynamic": dynamic})
    if kind == "COMBO":
        return InputSpec(name, "COMBO", required, tuple(options.get("options") or ()), options)
    return InputSpec(name, str(kind), required, None, options)


def mapping_of(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one: packs describe their nodes as they like."""
    return value if isinstance(value, Mapping) else {}
