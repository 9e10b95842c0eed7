"""The findings of a graph check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict


class GraphFindingCode(StrEnum):
    NOT_A_GRAPH = "not_a_graph"
    MISSING_NODE = "missing_node"
    MISSING_MODEL = "missing_model"
    REQUIRED_INPUT = "required_input"
    UNKNOWN_INPUT = "unknown_input"
    WRONG_TYPE = "wrong_type"
    NOT_IN_LIST = "not_in_list"
    OUT_OF_RANGE = "out_of_range"
    BROKEN_LINK = "broken_link"
    CYCLE = "cycle"
    NO_OUTPUT = "no_output"
    NO_PROMPT = "no_prompt"
    UNWRAPPED = "unwrapped"
    EDITOR_NODE = "editor_node"
    NOT_A_CLIP = "not_a_clip"
    DEFAULT_USED = "default_used"


class InputLocation(TypedDict):
    node: str
    node_class: str
    input: str


@dataclass(frozen=True)
class GraphFinding:
    """One problem of a graph. `mend`: how to solve it. `fatal`: the graph cannot run, or not as written."""

    code: GraphFindingCode
    message: str
    mend: str
    fatal: bool = True
    node: str | None = None
    node_class: str | None = None
    input: str | None = None

    def __str__(self) -> str:
        where = f"Node {self.node}: " if self.node else ""
        return f"{where}{self.message}. {self.mend}"
