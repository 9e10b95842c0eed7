"""Validates graphs of POST /prompt against object_info, with the messages of the real server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Graph = dict[str, Any]
Problem = dict[str, Any]
Bounds = tuple[Any, dict[str, Any]]  # type or list of choices, options

DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
CASTS: dict[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
LONG_LIST = 20  # choices; longer lists are not repeated in the answer
UPLOADS = {("LoadImage", "image"): "image", ("LoadImageMask", "image"): "image", ("LoadVideo", "file"): "video"}


@dataclass(frozen=True)
class Verdict:
    """`error` rejects the whole prompt; `outputs` are the output nodes that may run."""

    outputs: list[str]
    error: Problem | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)


@dataclass
class NodeVerdict:
    """The result for one node. `is_valid` is also False if only a node above it has errors."""

    is_valid: bool = True
    errors: list[Problem] = field(default_factory=list)


def validate_graph(
    graph: Graph, object_info: dict[str, Any], *, uploaded: Callable[[str], bool], targets: list[str] | None = None
) -> Verdict:
    """Validate a graph. Converts the values of valid nodes to the types of their inputs, in place.

    `uploaded` tells whether an input file exists. Raises TypeError if a node is not an object.
    """
    outputs = []
    for node_id, node in graph.items():
        if error := _unknown_class(node_id, node, object_info):
            return Verdict([], error)
        if object_info[node["class_type"]]["output_node"] and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict([], build_problem("prompt_no_outputs", "Prompt has no outputs"))
    return _Judge(graph, object_info, uploaded).all_of(outputs)


def build_problem(kind: str, message: str, details: str = "", **extra_info: Any) -> Problem:
    return {"type": kind, "message": message, "details": details, "extra_info": extra_info}


def expand_inputs(info: dict[str, Any], given: dict[str, Any]) -> dict[str, tuple[str, Bounds]]:
    """Name of input → section ("required", "optional") and bounds; including those that a choice adds."""
    found: dict[str, tuple[str, Bounds]] = {}
    _expand(info["input"], given, "", found)
    return found


def is_link(value: Any) -> bool:
    return isinstance(value, list)


def _expand(sections: dict[str, Any], given: dict[str, Any], prefix: str, found: dict[str, tuple[str, Bounds]]) -> None:
    named = [(section, *pair) for section in ("required", "optional") for pair in sections.get(section, {}).items()]
    for section, short, config in named:
        name, options = prefix + short, config[1] if len(config) > 1 else {}
        if config[0] != DYNAMIC:
            found[name] = (section, (config[0], options))
            continue
        chosen = next((o for o in options["options"] if name in given and o["key"] == given[name]), None)
        if chosen is not None:
            _expand(chosen["inputs"], given, f"{name}.", found)
            found[name] = (section, (config[0], options))


def _unknown_class(node_id: str, node: Any, object_info: dict[str, Any]) -> Problem | None:
    if not isinstance(node, dict):
        raise TypeError(f"node {node_id} is no object")
    title, class_type = node.get("_meta", {}).get("title"), node.get("class_type")
    if "class_type" not in node:
        shown = title or f"ID #{node_id}"
        message = f"Node '{shown}' has no class_type. The workflow may be corrupted or a custom node is missing."
    elif class_type not in object_info:
        title = title or class_type
        message = f"Node '{title}' not found. The custom node may not be installed."
    else:
        return None
    names = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return build_problem("missing_node_type", message, f"Node ID '#{node_id}'", **names)


class _Judge:
    def __init__(self, graph: Graph, object_info: dict[str, Any], uploaded: Callable[[str], bool]) -> None:
        self._graph, self._info, self._uploaded = graph, object_info, uploaded
        self._found: dict[str, NodeVerdict] = {}
        self._path: list[str] = []

    def all_of(self, outputs: list[str]) -> Verdict:
        good: list[str] = []
        refusals: list[str] = []
        node_errors: dict[str, Any] = {}
        for output in outputs:
            found = self._of_output(output)
            if found.is_valid:
                good.append(output)
                continue
            refusals += [f"{error['message']}: {error['details']}" for error in found.errors]
            for node_id, other in self._found.items():
                if not other.is_valid and other.errors:
                    entry = {"errors": other.errors, "dependent_outputs": [], "class_type": self._class(node_id)}
                    node_errors.setdefault(node_id, entry)["dependent_outputs"].append(output)
        if good:
            return Verdict(good, None, node_errors)
        message = "Prompt outputs failed validation"
        return Verdict([], build_problem("prompt_outputs_failed_validation", message, "\n".join(refusals)), node_errors)

    def _of_output(self, node_id: str) -> NodeVerdict:
        try:
            return self._of_node(node_id)
        except (LookupError, TypeError) as error:
            extra = {"exception_type": type(error).__name__, "traceback": ["(removed)"]}
            message = "Exception when validating node"
            found = NodeVerdict(False, [build_problem("exception_during_validation", message, str(error), **extra)])
            self._found[node_id] = found
            return found

    def _of_node(self, node_id: str) -> NodeVerdict:
        if node_id in self._found:
            return self._found[node_id]
        if node_id in self._path:
            return self._cycle(node_id)
        given, found = self._graph[node_id]["inputs"], NodeVerdict()
        for name, (section, bounds) in expand_inputs(self._info[self._class(node_id)], given).items():
            if name not in given:
                if section == "required":
                    short = name.rpartition(".")[2]
                    error = build_problem("required_input_missing", "Required input is missing", short, input_name=name)
                    found.errors.append(error)
            elif is_link(given[name]):
                found.is_valid &= self._of_link(node_id, name, bounds, found.errors)
            else:
                found.errors += self._of_value(node_id, name, bounds)
        return self._settled(node_id, found)

    def _settled(self, node_id: str, found: NodeVerdict) -> NodeVerdict:
        """Joined with what a cycle through the node has already said of it."""
        before = self._found.get(node_id, NodeVerdict())
        errors = before.errors + [error for error in found.errors if error not in before.errors]
        self._found[node_id] = NodeVerdict(before.is_valid and found.is_valid and not errors, errors)
        return self._found[node_id]

    def _cycle(self, node_id: str) -> NodeVerdict:
        path = [*self._path[self._path.index(node_id) :], node_id]
        shown = " -> ".join(f"{n} ({self._class(n)})" for n in path)
        nodes = list(dict.fromkeys(path))
        for node in nodes:
            extra = {"node_id": node, "cycle_nodes": nodes}
            self._found[node] = NodeVerdict(
                False, [build_problem("dependency_cycle", "Dependency cycle detected", shown, **extra)]
            )
        return self._found[node_id]

    def _of_link(self, node_id: str, name: str, bounds: Bounds, errors: list[Problem]) -> bool:
        """Whether the node that is linked to is sound; what is wrong with the link itself goes to `errors`."""
        link = self._graph[node_id]["inputs"][name]
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            errors.append(build_problem("bad_linked_input", message, name, **_extra(name, bounds), received_value=link))
            return True
        received = self._output_type(*link)
        if not _fits(received, bounds[0]):
            details = f"{name}, received_type({received}) mismatch input_type({bounds[0]})"
            extra = {**_extra(name, bounds), "received_type": received, "linked_node": link}
            errors.append(
                build_problem("return_type_mismatch", "Return type mismatch between linked nodes", details, **extra)
            )
            return True
        self._path.append(node_id)
        try:
            return self._of_node(link[0]).is_valid
        except (LookupError, TypeError) as error:
            self._found[link[0]] = NodeVerdict(False, [_broken(error, name, bounds, link)])
            return False
        finally:
            self._path.pop()

    def _output_type(self, node_id: str, slot: int) -> Any:
        outputs = self._info[self._class(node_id)]["output"]
        if not 0 <= slot < len(outputs):
            raise IndexError("tuple index out of range")
        return outputs[slot]

    def _of_value(self, node_id: str, name: str, bounds: Bounds) -> list[Problem]:
        given, kind = self._graph[node_id]["inputs"], bounds[0]
        value = (
            given[name]["__value__"] if isinstance(given[name], dict) and "__value__" in given[name] else given[name]
        )
        if upload := UPLOADS.get((self._class(node_id), name)):
            if self._uploaded(str(value)):
                return []
            details = f"{name} - Invalid {upload} file: {value}"
            return [
                build_problem("custom_validation_failed", "Custom validation failed for node", details, input_name=name)
            ]
        if isinstance(kind, str) and kind in CASTS:
            try:
                value = CASTS[kind](value)
            except (TypeError, ValueError) as error:
                message = f"Failed to convert an input value to a {kind} value"
                extra = {**_extra(name, bounds), "received_value": value, "exception_message": str(error)}
                return [build_problem("invalid_input_type", message, f"{name}, {value}, {error}", **extra)]
        given[name] = value
        return _outside(name, value, bounds)

    def _class(self, node_id: str) -> str:
        class_type: str = self._graph[node_id]["class_type"]
        return class_type


def _extra(name: str, bounds: Bounds) -> dict[str, Any]:
    return {"input_name": name, "input_config": list(bounds)}


def _broken(error: Exception, name: str, bounds: Bounds, link: list[Any]) -> Problem:
    extra = {
        **_extra(name, bounds),
        "exception_message": str(error),
        "exception_type": type(error).__name__,
        "traceback": ["(removed)"],
        "linked_node": link,
    }
    return build_problem(
        "exception_during_inner_validation", "Exception when validating inner node", str(error), **extra
    )


def _fits(received: Any, wanted: Any) -> bool:
    if received == wanted or "*" in (received, wanted):
        return True
    if isinstance(received, list):
        return bool(wanted == "COMBO")
    if not isinstance(wanted, str):
        return False
    return not {t.strip() for t in received.split(",")}.isdisjoint(t.strip() for t in wanted.split(","))


def _outside(name: str, value: Any, bounds: Bounds) -> list[Problem]:
    kind, options = bounds
    extra = {**_extra(name, bounds), "received_value": value}
    if "min" in options and value < options["min"]:
        message = f"Value {value} smaller than min of {options['min']}"
        return [build_problem("value_smaller_than_min", message, name, **extra)]
    if "max" in options and value > options["max"]:
        message = f"Value {value} bigger than max of {options['max']}"
        return [build_problem("value_bigger_than_max", message, name, **extra)]
    if not isinstance(kind, list) and kind != "COMBO":
        return []
    choices = kind if isinstance(kind, list) else options.get("options", [])
    if value in choices:
        return []
    listed = f"(list of length {len(choices)})" if len(choices) > LONG_LIST else str(choices)
    if len(choices) > LONG_LIST:
        extra["input_config"] = None
    return [build_problem("value_not_in_list", "Value not in list", f"{name}: {value!r} not in {listed}", **extra)]
