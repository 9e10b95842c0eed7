"""Workflows are stored by name and version."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.fakes.comfyui.replay import load_workflow
from tests.tower.workflows.graphs import object_info_with, with_inputs
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.workflows import store
from tower.workflows.builtins import builtin_workflows
from tower.workflows.graph import Binding
from tower.workflows.inference import infer_bindings

GRAPH = load_workflow("ade_gen1_vhs_tiny")
BINDINGS = infer_bindings(GRAPH, object_info_with()).bindings


def test_a_registered_workflow_is_read_back(session: Session) -> None:
    stored = store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS, description="rain")
    assert store.get_workflow(session, "mine") == stored
    assert (stored.version, stored.graph, stored.bindings) == (1, GRAPH, BINDINGS)


def test_a_changed_workflow_is_a_new_version_and_the_old_one_stays(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS, description="rain")
    other = with_inputs(GRAPH, "8", denoise=0.9)
    assert store.register_workflow(session, "mine", other, bindings=BINDINGS).version == 2
    assert store.get_workflow(session, "mine").graph == other
    assert store.get_workflow(session, "mine", 1).graph == GRAPH
    assert store.register_workflow(session, "mine", other, bindings={"prompt": BINDINGS["prompt"]}).version == 3
    [entry] = [workflow for workflow in store.list_workflows(session) if workflow.name == "mine"]
    assert (entry.version, entry.description, entry.built_in) == (3, "rain", False)


def test_an_equal_workflow_keeps_its_version(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    assert store.register_workflow(session, "mine", dict(reversed(GRAPH.items())), bindings=BINDINGS).version == 1


def test_returning_to_an_old_graph_is_a_new_version(session: Session) -> None:
    for graph in (GRAPH, with_inputs(GRAPH, "8", denoise=0.9), GRAPH):
        last = store.register_workflow(session, "mine", graph, bindings=BINDINGS)
    assert last.version == 3


def test_a_workflow_is_found_and_taken_in_any_case(session: Session) -> None:
    store.register_workflow(session, "Mine", GRAPH, bindings=BINDINGS)
    assert (
        store.register_workflow(session, "mine", with_inputs(GRAPH, "8", denoise=0.9), bindings=BINDINGS).version == 2
    )
    assert store.get_workflow(session, "MINE").name == "Mine"
    with pytest.raises(ConflictError, match="built-in"):
        store.register_workflow(session, "AnimateDiff", GRAPH, bindings=BINDINGS)
    assert store.delete_workflow(session, "MINE") == 2


def test_built_in_workflows_come_from_the_package_and_reserve_their_names(session: Session) -> None:
    assert store.get_workflow(session, "animatediff") == builtin_workflows()["animatediff"].workflow
    assert {workflow.name for workflow in store.list_workflows(session) if workflow.built_in} == set(
        builtin_workflows()
    )
    with pytest.raises(ConflictError, match="built-in"):
        store.register_workflow(session, "animatediff", GRAPH, bindings=BINDINGS)
    with pytest.raises(ConflictError, match="built-in"):
        store.delete_workflow(session, "animatediff")


def test_the_list_names_the_requirements_of_a_server(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    [entry] = [workflow for workflow in store.list_workflows(session) if workflow.name == "mine"]
    assert "ADE_AnimateDiffLoaderGen1" in entry.node_classes
    assert entry.bindings == BINDINGS
    assert entry.created_at is not None


def test_an_unknown_workflow_is_reported_with_the_known_ones(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    with pytest.raises(NotFoundError, match=r"there are: animatediff, .*mine"):
        store.get_workflow(session, "other")
    with pytest.raises(NotFoundError, match="no version 7"):
        store.get_workflow(session, "mine", 7)
    with pytest.raises(NotFoundError):
        store.get_workflow(session, "animatediff", 99)


def test_deleting_a_workflow_deletes_all_its_versions(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    store.register_workflow(session, "mine", with_inputs(GRAPH, "8", denoise=0.9), bindings=BINDINGS)
    assert store.delete_workflow(session, "mine") == 2
    with pytest.raises(NotFoundError):
        store.delete_workflow(session, "mine")


@pytest.mark.parametrize(
    ("bindings", "message"),
    [({"colour": [Binding("8", "seed")]}, "one of prompt"), ({"prompt": [Binding("99", "text")]}, "node of the graph")],
)
def test_an_invalid_binding_is_refused(session: Session, bindings: Any, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        store.register_workflow(session, "mine", GRAPH, bindings=bindings)


def test_an_oversized_graph_is_refused(session: Session) -> None:
    with pytest.raises(InvalidError, match="at most"):
        store.register_workflow(session, "mine", with_inputs(GRAPH, "3", text="x" * 3_000_000), bindings=BINDINGS)
