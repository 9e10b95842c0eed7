"""Stores workflows by name: built-in ones come from the package, the user's from a table with a version per change.

Built-in workflows are not copied to the table, so an upgrade of Tower replaces their graphs and leaves no old rows. A
take keeps the graph that it was made from in its provenance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from db.models.workflows import Workflow
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.names import NameIndex
from tower.workflows.bindings import bindings_from_json, bindings_to_json, canonical_bytes, check_binding
from tower.workflows.builtins import BuiltinWorkflow, builtin_workflows
from tower.workflows.checking import node_classes
from tower.workflows.graph import Binding, WorkflowGraph
from tower.workflows.inference import BINDING_NAMES

MAX_GRAPH_BYTES = 2_000_000


@dataclass(frozen=True)
class WorkflowSummary:
    """A workflow in a list. `created_at` is None for built-in ones."""

    name: str
    version: int
    description: str
    built_in: bool
    enabled: bool
    bindings: dict[str, list[Binding]]
    node_classes: list[str]
    created_at: datetime | None = None


def register_workflow(
    session: Session,
    name: str,
    graph: Mapping[str, Any],
    *,
    bindings: Mapping[str, list[Binding]],
    description: str = "",
) -> WorkflowGraph:
    """Store a graph under a name, as version 1 or as the next version if it differs from the current one.

    Check it against a server first (`checking.check_graph`). Raises ConflictError for the name of a built-in workflow
    and InvalidError for an invalid graph or binding.
    """
    name = find_name(session, name) or name
    _reject_builtin(name)
    content = _validate(graph, bindings)
    sha256 = hashlib.sha256(content).hexdigest()
    last = session.scalar(_rows(name).limit(1).with_for_update())
    if last is not None and last.sha256 == sha256:
        last.enabled = True
        session.flush()
        return _workflow(last)
    row = Workflow(
        name=name,
        version=last.version + 1 if last else 1,
        description=description or (last.description if last else ""),
        graph=dict(graph),
        bindings=bindings_to_json(bindings),
        node_classes=node_classes(graph),
        sha256=sha256,
    )
    session.add(row)
    session.flush()
    return _workflow(row)


def get_workflow(session: Session, name: str, version: int | None = None) -> WorkflowGraph:
    """The current version of a workflow, or the given one. Raises NotFoundError, which lists the workflows."""
    known = find_name(session, name) or name
    built_in = builtin_workflows().get(known)
    if built_in is not None and version in (None, built_in.workflow.version):
        return built_in.workflow
    rows = _rows(known) if version is None else _rows(known).where(Workflow.version == version)
    row = session.scalar(rows.limit(1))
    if row is not None:
        return _workflow(row)
    message = (
        f"There is no workflow {name!r}" if version is None else f"There is no version {version} of workflow {name!r}"
    )
    available = ", ".join(sorted(workflow_names(session)))
    raise NotFoundError(f"{message}; there are: {available}. Register it with: tower workflow add FILE")


def list_workflows(session: Session) -> list[WorkflowSummary]:
    """The current version of each workflow, the built-in ones first."""
    newest = select(Workflow).ext(distinct_on(Workflow.name)).order_by(Workflow.name, Workflow.version.desc())
    return [_listed_builtin(builtin) for builtin in builtin_workflows().values()] + [
        _listed(row) for row in session.scalars(newest)
    ]


def workflow_names(session: Session) -> frozenset[str]:
    return frozenset(
        {*(builtin.workflow.name for builtin in builtin_workflows().values()), *session.scalars(select(Workflow.name))}
    )


def find_name(session: Session, name: str) -> str | None:
    """The name of the workflow as it is kept; None if no workflow has the name."""
    if name in builtin_workflows():
        return name
    kept = (*builtin_workflows(), *session.scalars(select(Workflow.name).distinct().order_by(Workflow.name)))
    return NameIndex((known, known) for known in kept).find(name)


def delete_workflow(session: Session, name: str) -> int:
    """Delete all versions and return their number. Takes made with them stay. Raises NotFoundError, ConflictError."""
    known = find_name(session, name) or name
    _reject_builtin(known)
    deleted = session.scalars(delete(Workflow).where(Workflow.name == known).returning(Workflow.id)).all()
    if not deleted:
        raise NotFoundError(f"There is no workflow {name!r}")
    return len(deleted)


def _rows(name: str) -> Any:
    return select(Workflow).where(Workflow.name == name).order_by(Workflow.version.desc())


def _reject_builtin(name: str) -> None:
    if name in builtin_workflows():
        raise ConflictError(f"{name} is a built-in workflow and cannot be changed; choose another name")


def _validate(graph: Mapping[str, Any], bindings: Mapping[str, list[Binding]]) -> bytes:
    for name, several in bindings.items():
        if name not in BINDING_NAMES:
            raise InvalidError.field("bindings", name, f"one of {', '.join(BINDING_NAMES)}")
        for binding in several:
            check_binding(graph, name, binding)
    content = canonical_bytes(graph, bindings)
    if len(content) > MAX_GRAPH_BYTES:
        raise InvalidError.field("graph", f"{len(content)} bytes", f"at most {MAX_GRAPH_BYTES} bytes")
    return content


def _workflow(row: Workflow) -> WorkflowGraph:
    return WorkflowGraph(row.name, row.version, row.graph, bindings_from_json(row.bindings))


def _listed(row: Workflow) -> WorkflowSummary:
    return WorkflowSummary(
        row.name,
        row.version,
        row.description,
        built_in=False,
        enabled=row.enabled,
        bindings=bindings_from_json(row.bindings),
        node_classes=[str(name) for name in row.node_classes],
        created_at=row.created_at,
    )


def _listed_builtin(builtin: BuiltinWorkflow) -> WorkflowSummary:
    workflow = builtin.workflow
    return WorkflowSummary(
        workflow.name,
        workflow.version,
        builtin.description,
        built_in=True,
        enabled=True,
        bindings=workflow.bindings,
        node_classes=node_classes(workflow.graph),
    )
