"""Workflows by name and version."""

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


def test_what_is_registered_comes_back(session: Session) -> None:
    stored = store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS, description="rain")
    assert store.get_workflow(session, "mine") == stored
    assert (stored.version, stored.graph, stored.bindings) == (1, GRAPH, BINDINGS)


def test_a_change_is_the_next_version_and_the_old_one_stays(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS, description="rain")
    other = with_inputs(GRAPH, "8", denoise=0.9)
    assert store.register_workflow(session, "mine", other, bindings=BINDINGS).version == 2
    assert store.get_workflow(session, "mine").graph == other
    assert store.get_workflow(session, "mine", 1).graph == GRAPH
    assert store.register_workflow(session, "mine", other, bindings={"prompt": BINDINGS["prompt"]}).version == 3
    [listed] = [one for one in store.list_workflows(session) if one.name == "mine"]
    assert (listed.version, listed.description, listed.built_in) == (3, "rain", False)


def test_the_same_again_is_the_same_version(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    assert store.register_workflow(session, "mine", dict(reversed(GRAPH.items())), bindings=BINDINGS).version == 1


def test_going_back_to_an_old_graph_is_a_new_version(session: Session) -> None:
    for graph in (GRAPH, with_inputs(GRAPH, "8", denoise=0.9), GRAPH):
        last = store.register_workflow(session, "mine", graph, bindings=BINDINGS)
    assert last.version == 3


def test_built_ins_come_from_the_package_and_keep_their_names(session: Session) -> None:
    assert store.get_workflow(session, "animatediff") == builtin_workflows()["animatediff"].workflow
    assert {one.name for one in store.list_workflows(session) if one.built_in} == set(builtin_workflows())
    with pytest.raises(ConflictError, match="built-in"):
        store.register_workflow(session, "animatediff", GRAPH, bindings=BINDINGS)
    with pytest.raises(ConflictError, match="built-in"):
        store.delete_workflow(session, "animatediff")


def test_the_list_says_what_a_server_must_have(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    [listed] = [one for one in store.list_workflows(session) if one.name == "mine"]
    assert "ADE_AnimateDiffLoaderGen1" in listed.node_classes
    assert listed.bindings == BINDINGS
    assert listed.created_at is not None


def test_what_is_not_there_is_said_with_what_is(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    with pytest.raises(NotFoundError, match=r"there are: animatediff, .*mine"):
        store.get_workflow(session, "other")
    with pytest.raises(NotFoundError, match="no version 7"):
        store.get_workflow(session, "mine", 7)
    with pytest.raises(NotFoundError):
        store.get_workflow(session, "animatediff", 99)


def test_deleting_takes_all_versions(session: Session) -> None:
    store.register_workflow(session, "mine", GRAPH, bindings=BINDINGS)
    store.register_workflow(session, "mine", with_inputs(GRAPH, "8", denoise=0.9), bindings=BINDINGS)
    assert store.delete_workflow(session, "mine") == 2
    with pytest.raises(NotFoundError):
        store.delete_workflow(session, "mine")


@pytest.mark.parametrize(
    ("bindings", "says"),
    [({"colour": [Binding("8", "seed")]}, "one of prompt"), ({"prompt": [Binding("99", "text")]}, "node of the graph")],
)
def test_a_binding_that_makes_no_sense_is_refused(session: Session, bindings: Any, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        store.register_workflow(session, "mine", GRAPH, bindings=bindings)


def test_a_graph_beyond_all_measure_is_refused(session: Session) -> None:
    with pytest.raises(InvalidError, match="at most"):
        store.register_workflow(session, "mine", with_inputs(GRAPH, "3", text="x" * 3_000_000), bindings=BINDINGS)
