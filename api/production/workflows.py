"""Workflow graphs: built-in ones and your own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.strict_routes import MAX_ID, Body, strict_router
from api.middleware.key_check import ADMIN
from tower.engines.comfyui.workflow_intake import ExaminedGraph, SubmittedGraph, examine_graph
from tower.workflows import graph as workflow_graph
from tower.workflows import store
from tower.workflows.checking import node_classes
from tower.workflows.findings import GraphFindingCode
from tower.workflows.names import NAME_PATTERN, check_name

PATH = "/api/anime/workflows"
MAX_BODY_BYTES = 4 * store.MAX_GRAPH_BYTES  # a graph is stored without spaces and without what it is wrapped in
router = strict_router(prefix="/api/anime", tags=["workflows"])

WorkflowName = Annotated[str, StringConstraints(pattern=NAME_PATTERN), BeforeValidator(check_name)]
EXAMPLE: JsonValue = {
    "name": "my_shot",
    "description": "Saves a picture again",
    "graph": {
        "1": {"class_type": "LoadImage", "inputs": {"image": "kai.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "kai"}},
    },
    "bindings": {"reference": [{"node": "1", "input": "image"}]},
    "without_prompt": True,
}


class Binding(Body):
    """An input of a node."""

    node: str = Field(examples=["3"])
    input: str = Field(examples=["seed"])


Bindings = dict[str, list[Binding]]


class NewWorkflow(Body):
    """A graph in ComfyUI's API format (Workflow → Export (API)). Bindings that are left out are inferred.

    A graph inside a request to ComfyUI or to a hosting service is taken out of it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: WorkflowName = Field(examples=["my_shot"])
    graph: dict[str, Any]
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    bindings: Bindings = Field(
        default_factory=dict,
        examples=[{"seed": [{"node": "3", "input": "seed"}]}],
        description="These take precedence over inferred bindings.",
    )
    without_prompt: bool = Field(
        default=False,
        description="The graph takes no prompt. A graph without an input for it is refused otherwise.",
    )


class WorkflowFinding(BaseModel):
    """A problem of a graph, and how to fix it."""

    code: GraphFindingCode
    message: str
    mend: str
    fatal: bool
    node: str | None
    node_class: str | None
    input: str | None


class InferredBindings(BaseModel):
    """`value` is that of the first input in the graph. `why` says why these inputs were chosen."""

    bindings: list[Binding]
    value: Any
    why: str


class WorkflowSummary(BaseModel):
    """The current version of a workflow."""

    name: str = Field(examples=["animatediff"])
    version: int = Field(examples=[1])
    description: str
    built_in: bool
    bindings: Bindings = Field(description="The inputs for prompt, negative, seed, steps, size, …")
    node_classes: list[str] = Field(description="The node classes that a server needs to run it.")
    created_at: datetime | None = Field(description="Null for a built-in workflow.")

    @classmethod
    def of(cls, listed: store.WorkflowSummary) -> Self:
        return cls(
            name=listed.name,
            version=listed.version,
            description=listed.description,
            built_in=listed.built_in,
            bindings=_bindings(listed.bindings),
            node_classes=listed.node_classes,
            created_at=listed.created_at,
        )


class Workflow(BaseModel):
    """One version of a workflow, whole."""

    name: str
    version: int
    bindings: Bindings
    node_classes: list[str]
    graph: dict[str, Any]

    @classmethod
    def of(cls, found: workflow_graph.WorkflowGraph) -> Self:
        return cls(
            name=found.name,
            version=found.version,
            bindings=_bindings(found.bindings),
            node_classes=node_classes(found.graph),
            graph=found.graph,
        )


class StoredWorkflow(BaseModel):
    """A stored workflow. `checked` is true if ComfyUI can run it; `reason` says why it was not checked."""

    name: str
    version: int
    checked: bool
    reason: str | None
    bindings: Bindings = Field(description="Given and inferred bindings.")
    inferred: dict[str, InferredBindings]
    not_inferred: dict[str, str] = Field(description="Bindings that could not be inferred, and why.")
    serves: dict[str, str] = Field(
        description="Which frames, width, height and fps it can render on this ComfyUI; empty if it was not checked.",
        examples=[{"frames": "1 to 16384 frames in steps of 4: other values are rendered larger, and the clip is cut"}],
    )
    warnings: list[WorkflowFinding] = Field(description="Problems that do not keep it from running.")

    @classmethod
    def of(cls, stored: workflow_graph.WorkflowGraph, examined: ExaminedGraph) -> Self:
        return cls(
            name=stored.name,
            version=stored.version,
            checked=examined.checked,
            reason=examined.reason,
            bindings=_bindings(stored.bindings),
            inferred={
                name: InferredBindings(
                    bindings=[_binding(binding) for binding in found.bindings], value=found.value, why=found.why
                )
                for name, found in examined.inferred.found.items()
            },
            not_inferred=examined.inferred.missing,
            serves=examined.serves,
            warnings=[WorkflowFinding(**asdict(finding)) for finding in examined.warnings],
        )


class DeletedWorkflow(BaseModel):
    name: str
    deleted_versions: int


@router.get("/workflows")
def workflows(session: ReadingSession) -> list[WorkflowSummary]:
    """The current version of every workflow, built-in ones first."""
    return [WorkflowSummary.of(listed) for listed in store.list_workflows(session)]


@router.post("/workflows", status_code=201, dependencies=[ADMIN], responses=error_responses(400, 409, 413, 415))
def add_workflow(body: NewWorkflow, session: DatabaseSession, settings: CurrentSettings) -> StoredWorkflow:
    """Store a graph. If ComfyUI is reachable, it checks the graph first; 422 lists the problems and how to fix them.

    A graph in which no input takes the prompt is refused, unless `without_prompt` says that it is meant so.
    A new graph under an existing name becomes its next version. An identical graph changes nothing.
    """
    given = {
        name: [workflow_graph.Binding(binding.node, binding.input) for binding in bindings]
        for name, bindings in body.bindings.items()
    }
    submitted = SubmittedGraph(body.graph, given, body.without_prompt)
    examined = examine_graph(submitted, comfyui_url=settings.comfyui)
    with session.begin():
        stored = store.register_workflow(
            session, body.name, examined.graph, bindings=examined.bindings, description=body.description
        )
    return StoredWorkflow.of(stored, examined)


@router.get("/workflows/{name}", responses=error_responses(404))
def workflow(
    name: str,
    session: ReadingSession,
    version: Annotated[int | None, Query(ge=1, le=MAX_ID, description="By default the current version.")] = None,
) -> Workflow:
    """A workflow with its graph and bindings."""
    return Workflow.of(store.get_workflow(session, name, version))


@router.delete("/workflows/{name}", dependencies=[ADMIN], responses=error_responses(404, 409))
def delete_workflow(name: str, session: DatabaseSession) -> DeletedWorkflow:
    """Delete all versions of a workflow. Its renders stay. Built-in workflows cannot be deleted."""
    with session.begin():
        return DeletedWorkflow(name=name, deleted_versions=store.delete_workflow(session, name))


def _bindings(found: Mapping[str, list[workflow_graph.Binding]]) -> Bindings:
    return {name: [_binding(binding) for binding in bindings] for name, bindings in found.items()}


def _binding(binding: workflow_graph.Binding) -> Binding:
    return Binding(node=binding.node, input=binding.input)
