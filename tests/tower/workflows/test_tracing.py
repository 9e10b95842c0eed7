"""A wire is followed to the value behind it, and where it cannot be, the reason names where it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tower.workflows.paths import GraphPaths

TEXT = ["STRING", {"multiline": True}]


def described(
    output: str | list[str], required: dict[str, Any] | None = None, optional: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A class as /object_info describes it."""
    outputs = [output] if isinstance(output, str) else output
    return {"input": {"required": required or {}, "optional": optional or {}}, "output": outputs} | more


def node(class_type: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


INFO = {
    "Sampler": described("LATENT", {"steps": ["INT"], "cfg": ["FLOAT"]}),
    "Encode": described("CONDITIONING", {"text": TEXT, "clip": ["CLIP"]}),
    "Int": described("INT", {"value": ["INT"]}),
    "Float": described("FLOAT", {"value": ["FLOAT"]}),
    "Flag": described("BOOLEAN", {"value": ["BOOLEAN"]}),
    "Text": described("STRING", {"value": TEXT}),
    "Size": described(["INT", "INT"], {"width": ["INT"], "height": ["INT"]}, output_name=["width", "height"]),
    "TextFile": described("STRING", {"file_path": ["STRING"]}),
    "ShowText": described("STRING", {"text": ["STRING", {"forceInput": True}]}, output_node=True),
    "PreviewAny": described("STRING", {"source": ["*"]}, output_node=True),
    "Show Anything": described("*", optional={"anything": ["*"]}, output_node=True),
    "ReroutePrimitive": described("*", {"value": ["*"]}),
    "IntToFloat": described("FLOAT", {"a": ["INT"]}),
    "Negate": described("INT", {"op": [["Abs", "Neg"]], "a": ["INT"]}),
    "Expression": described(["INT", "FLOAT"], {"expression": TEXT}, {"a": ["INT,FLOAT"], "b": ["INT,FLOAT"]}),
    "Join": described("STRING", {"string_a": TEXT, "string_b": TEXT, "delimiter": ["STRING"]}),
    "Either": described("COMFY_MATCHTYPE_V3", {"switch": ["BOOLEAN"], **{f"on_{n}": ["*"] for n in ("false", "true")}}),
    "AnySwitch": described("*", optional={f"any_0{number}": ["*"] for number in range(1, 4)}),
    "IndexSwitch": described("*", {"select": ["INT", {"default": 1}]}, {"input1": ["*"]}),
    "Text Input Switch": described("STRING", {"Input": [[1, 2]]}, {"text1": ["STRING"], "text2": ["STRING"]}),
    "Branch": described("INT", {"cond": ["BOOLEAN"], "tt_value": ["INT"], "ff_value": ["INT"]}),
}


def trail_of(name: str, **nodes: dict[str, Any]) -> Any:
    """Where the input of the node `end` comes from: (node, input), or the reason."""
    trail = GraphPaths(nodes, INFO).trail("end", name)
    return trail.holder or trail.end


@pytest.mark.parametrize(
    "between",
    [
        node("ShowText", text=["source", 0], text_0="cached"),
        node("PreviewAny", source=["source", 0], preview_text="cached"),
        node("Show Anything", anything=["source", 0], text="cached"),
        node("ReroutePrimitive", value=["source", 0]),
        node("Join", string_a=["source", 0], string_b=", best quality", delimiter=" "),
        node("Either", switch=True, on_true=["source", 0], on_false=["other", 0]),
        node("Either", switch=["flag", 0], on_true=["other", 0], on_false=["source", 0]),
        node("AnySwitch", any_02=["source", 0], any_03=["other", 0]),
        node("IndexSwitch", select=2, input1=["other", 0], input2=["source", 0]),
        node("Text Input Switch", Input=2, text1=["other", 0], text2=["source", 0]),
    ],
    ids=lambda between: str(between["class_type"]),
)
def test_a_text_is_found_behind_nodes_that_show_reroute_join_or_switch(between: dict[str, Any]) -> None:
    nodes = {"source": node("Text", value="a girl"), "other": node("Text", value="a boy")}
    flag, end = node("Flag", value=False), node("Encode", text=["between", 0])
    assert trail_of("text", end=end, between=between, flag=flag, **nodes) == ("source", "value")


@pytest.mark.parametrize(
    ("between", "holder"),
    [
        (node("IntToFloat", a=["source", 0]), ("source", "value")),
        (node("Expression", expression=" a ", a=["source", 0]), None),
        (node("Branch", cond=True, tt_value=["source", 0], ff_value=["other", 0]), ("source", "value")),
        (node("Branch", cond=False, tt_value=["other", 0], ff_value=7), ("between", "ff_value")),
        (node("Size", width=8, height=16), ("between", "width")),
    ],
)
def test_a_number_is_found_behind_nodes_that_convert_or_switch(
    between: dict[str, Any], holder: tuple[str, str] | None
) -> None:
    nodes = {"source": node("Int", value=20), "other": node("Int", value=4), "between": between}
    assert trail_of("steps", end=node("Sampler", steps=["between", 0]), **nodes) == (holder or ("source", "value"))


@pytest.mark.parametrize(
    ("between", "end"),
    [
        (
            node("Expression", expression="a*b", a=["n", 0], b=["n", 0]),
            "node between (Expression), which makes it of a, b",
        ),
        (node("Expression", expression="a+1", a=["n", 0]), "node between (Expression), which makes it of a"),
        (node("Negate", op="Neg", a=["n", 0]), "node between (Negate), which makes it of a"),
        (node("Negate", op="Neg", a=4), "node between (Negate), which makes it of a, op"),
        (node("Unheard"), "node between (Unheard), which the server does not describe"),
        (
            node("Branch", cond=["run", 0], tt_value=["n", 0], ff_value=["n", 0]),
            "node between (Branch), which chooses between ff_value, tt_value while it runs",
        ),
    ],
)
def test_a_computed_number_has_a_reason_that_names_where_the_wire_ends(between: dict[str, Any], end: str) -> None:
    nodes = {"n": node("Int", value=5), "run": node("Unheard"), "between": between}
    reason = trail_of("steps", end=node("Sampler", steps=["between", 0]), **nodes)
    assert reason == f"steps of node end (Sampler) gets its value from {end}"


@pytest.mark.parametrize(
    ("titles", "holder"), [(("System prompt", "Prompt"), ("b", "value")), (("Prompt", "Style prompt"), ("a", "value"))]
)
def test_of_two_joined_texts_the_titles_tell_which_is_the_prompt(
    titles: tuple[str, str], holder: tuple[str, str]
) -> None:
    nodes = {name: node("Text", title, value=name) for name, title in zip("ab", titles, strict=True)}
    join = node("Join", string_a=["a", 0], string_b=["b", 0], delimiter="")
    assert trail_of("text", end=node("Encode", text=["join", 0]), join=join, **nodes) == holder


def test_two_joined_texts_without_titles_and_the_path_of_a_file_are_no_prompt() -> None:
    texts = {name: node("Text", value=name) for name in "ab"}
    join = node("Join", string_a=["a", 0], string_b=["b", 0], delimiter="")
    assert "makes it of string_a, string_b" in trail_of(
        "text", end=node("Encode", text=["join", 0]), join=join, **texts
    )
    file = node("TextFile", file_path="prompts.txt")
    assert "node f (TextFile)" in trail_of("text", end=node("Encode", text=["f", 0]), f=file)


def test_wires_in_a_circle_and_very_long_ones_end() -> None:
    circle = {"a": node("ReroutePrimitive", value=["b", 0]), "b": node("ReroutePrimitive", value=["a", 0])}
    assert "circle" in trail_of("steps", end=node("Sampler", steps=["a", 0]), **circle)
    chain = {f"n{step}": node("ReroutePrimitive", value=[f"n{step + 1}", 0]) for step in range(5000)}
    assert "more than 100 nodes" in trail_of("steps", end=node("Sampler", steps=["n0", 0]), **chain)
