"""Workflow graphs: those that come with Tower and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.errors import documented
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.strict_routes import LARGEST_ID, Body, strict_router
from api.middleware.key_check import ADMIN
from tower.engines.comfyui.workflow_intake import Examined, Submitted, examine
from tower.workflows import graph as workflow_graph
from tower.workflows import store
from tower.workflows.checking import node_classes
from tower.workflows.findings import FindingCode

router = strict_router(prefix="/api/anime", tags=["workflows"])

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
EXAMPLE: JsonValue = {
    "name": "my_shot",
    "description": "Stores a picture again",
    "graph": {
        "1": {"class_type": "LoadImage", "inputs": {"image": "kai.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "kai"}},
    },
    "bindings": {"reference": [{"node": "1", "input": "image"}]},
}


class Binding(Body):
    """An input of a node."""

    node: str = Field(examples=["3"])
    input: str = Field(examples=["seed"])


Bindings = dict[str, list[Binding]]


class NewWorkflow(Body):
    """A graph in ComfyUI's API format (Workflow → Export (API)). Bindings that are left out are inferred."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Name = Field(examples=["my_shot"])
    graph: dict[str, Any]
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    bindings: Bindings = Field(
        default_factory=dict, examples=[{"seed": [{"node": "3", "input": "seed"}]}], description="Before the inferred."
    )


class Finding(BaseModel):
    """Something odd about a graph, and how to mend it."""

    code: FindingCode
    message: str
    mend: str
    fatal: bool
    node: str | None
    node_class: str | None
    input: str | None


class Inferred(BaseModel):
    """`value`: what the first of these inputs holds in the graph. `why`: why they were taken for it."""

    bindings: list[Binding]
    value: Any
    why: str


class WorkflowSummary(BaseModel):
    """The present version of a workflow."""

    name: str = Field(examples=["animatediff"])
    version: int = Field(examples=[1])
    description: str
    built_in: bool
    bindings: Bindings = Field(description="Which inputs take prompt, negative, seed, steps, size, …")
    node_classes: list[str] = Field(description="What a server must have to run it.")
    created_at: datetime | None = Field(description="Null for those that come with Tower.")

    @classmethod
    def of(cls, listed: store.Listed) -> Self:
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
    """A workflow that was taken in. `checked`: a ComfyUI says that it can run it; `reason`: why none was asked."""

    name: str
    version: int
    checked: bool
    reason: str | None
    bindings: Bindings = Field(description="The given ones, and those inferred.")
    inferred: dict[str, Inferred]
    not_inferred: dict[str, str] = Field(description="What was not found in the graph, and why.")
    warnings: list[Finding] = Field(description="What is odd about it, but runs.")

    @classmethod
    def of(cls, stored: workflow_graph.WorkflowGraph, examined: Examined) -> Self:
        return cls(
            name=stored.name,
            version=stored.version,
            checked=examined.checked,
            reason=examined.reason,
            bindings=_bindings(stored.bindings),
            inferred={
                name: Inferred(bindings=[_binding(one) for one in found.bindings], value=found.value, why=found.why)
                for name, found in examined.inferred.found.items()
            },
            not_inferred=examined.inferred.missing,
            warnings=[Finding(**asdict(finding)) for finding in examined.warnings],
        )


class DeletedWorkflow(BaseModel):
    name: str
    deleted_versions: int


@router.get("/workflows")
def workflows(session: ReadingSession) -> list[WorkflowSummary]:
    """The present version of every workflow, those that come with Tower first."""
    return [WorkflowSummary.of(listed) for listed in store.list_workflows(session)]


@router.post("/workflows", status_code=201, dependencies=[ADMIN], responses=documented(400, 409, 413, 415))
def add_workflow(body: NewWorkflow, session: DatabaseSession, settings: CurrentSettings) -> StoredWorkflow:
    """Take in a graph. A ComfyUI that answers checks it first: what keeps it from running is answered 422, with mends.

    The same name again makes the next version; the same graph again changes nothing.
    """
    given = {
        name: [workflow_graph.Binding(one.node, one.input) for one in several]
        for name, several in body.bindings.items()
    }
    examined = examine(Submitted(body.graph, given), comfyui_url=settings.comfyui_url)
    with session.begin():
        stored = store.register(
            session, body.name, body.graph, bindings=examined.bindings, description=body.description
        )
    return StoredWorkflow.of(stored, examined)


@router.get("/workflows/{name}", responses=documented(404))
def workflow(
    name: str,
    session: ReadingSession,
    version: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Without it, the present one.")] = None,
) -> Workflow:
    """A workflow with its graph and bindings."""
    return Workflow.of(store.get(session, name, version))


@router.delete("/workflows/{name}", dependencies=[ADMIN], responses=documented(404, 409))
def delete_workflow(name: str, session: DatabaseSession) -> DeletedWorkflow:
    """Delete all its versions. What was rendered with it stays, and so do the workflows that come with Tower."""
    with session.begin():
        return DeletedWorkflow(name=name, deleted_versions=store.delete_workflow(session, name))


def _bindings(found: Mapping[str, list[workflow_graph.Binding]]) -> Bindings:
    return {name: [_binding(one) for one in several] for name, several in found.items()}


def _binding(one: workflow_graph.Binding) -> Binding:
    return Binding(node=one.node, input=one.input)
