"""No endpoint reaches an entity of one project through ids of another. The requests come from OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.openapi import Operation, list_operations, path_parameters
from tests.api.production.two_projects import (
    PROJECT,
    REFERENCE,
    ProjectWorld,
    build_world,
    names_a_project,
    read_everything,
    reveals,
)

MAIN = "main"  # every project has a branch of this name
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Crossing:
    """A request about `ours` with one value of `theirs` in it."""

    operation: Operation
    where: str
    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.operation} with {self.where} {self.name}={self.value}"


@pytest.fixture
def all_operations(client: TestClient) -> list[Operation]:
    return list_operations(client.get("/openapi.json").json())


@pytest.fixture
def theirs(client: TestClient, all_operations: list[Operation]) -> ProjectWorld:
    return build_world(client, all_operations, "zebra")


@pytest.fixture
def ours(client: TestClient, all_operations: list[Operation], theirs: ProjectWorld) -> ProjectWorld:
    return build_world(client, all_operations, "heron")


def test_an_entity_is_not_reachable_through_another_project(
    client: TestClient, all_operations: list[Operation], theirs: ProjectWorld, ours: ProjectWorld
) -> None:
    require_answers(client, all_operations, ours)
    before = read_everything(client, all_operations, theirs)
    assert sum(theirs.mark in text for _, text in before.values()) >= 5
    crossings = list(crossings_of(all_operations, theirs, ours))
    assert len(crossings) > 30
    for crossing in sorted(crossings, key=lambda crossing: ORDER.index(crossing.operation.method)):
        answer = send(client, crossing, ours)
        assert answer.status_code < 500 or answer.status_code == 503, f"{crossing}: {answer.text}"
        assert not reveals(theirs.mark, answer.text, crossing.value), f"{crossing}: {answer.text}"
        if crossing.where == "path":
            assert answer.status_code in (403, 404), f"{crossing}: {answer.status_code} {answer.text}"
    assert read_everything(client, all_operations, theirs) == before


def require_answers(client: TestClient, all_operations: list[Operation], ours: ProjectWorld) -> None:
    """Requests about our own entities succeed; otherwise a refusal would prove nothing."""
    for operation in all_operations:
        if names_a_project(operation) and operation.method == "GET":
            path = ours.fill_path(operation)
            assert path is not None, (
                f"{operation}: nothing creates its {path_parameters(operation.path)}; extend two_projects.py"
            )
            answer = client.get(path, params=ours.build_query(operation))
            assert answer.status_code == 200, f"{operation}: {answer.text}"


def crossings_of(all_operations: list[Operation], theirs: ProjectWorld, ours: ProjectWorld) -> Iterator[Crossing]:
    """Each of their values in each place of a request about our project that can name an entity."""
    for operation in all_operations:
        in_path = path_parameters(operation.path)
        anchors = {PROJECT} if names_a_project(operation) else set(in_path[:1])
        if not anchors or ours.fill_path(operation) is None:
            continue
        places = [("path", name) for name in in_path]
        places += [("query", name) for name in operation.parameters("query")]
        places += [("body", name) for name in operation.body().get("properties", {})]
        for where, name in places:
            if name not in anchors:
                yield from (
                    Crossing(operation, where, name, value) for value in candidates(operation, where, name, theirs)
                )


def candidates(operation: Operation, where: str, name: str, theirs: ProjectWorld) -> list[Any]:
    """Their values of the type that this place accepts; for a search, their mark in another case."""
    if where == "path":
        value = theirs.path_value(operation.path, name)
        return [] if value is None or name == "kind" else [value]
    declared = operation.body().get("properties", {}) if where == "body" else operation.parameters(where)
    schema = str(declared[name])
    if not REFERENCE.fullmatch(name):
        return [theirs.mark.upper()] if where == "query" and "'string'" in schema and "enum" not in schema else []
    numbers = sorted(value for value in theirs.all_values() if isinstance(value, int))
    texts = sorted(value for value in theirs.all_values() if isinstance(value, str) and value != MAIN)
    if "'uuid'" in schema:
        texts = [text for text in texts if UUID.fullmatch(text)]
    values: list[Any] = [*(numbers if "integer" in schema else []), *(texts if "string" in schema else [])]
    return [[value] for value in values] if "array" in schema else values


def send(client: TestClient, crossing: Crossing, ours: ProjectWorld) -> Any:
    path = ours.fill_path(crossing.operation, **({crossing.name: crossing.value} if crossing.where == "path" else {}))
    query = ours.build_query(crossing.operation) | (
        {crossing.name: crossing.value} if crossing.where == "query" else {}
    )
    body = ours.build_body(crossing.operation) | ({crossing.name: crossing.value} if crossing.where == "body" else {})
    assert path is not None
    return client.request(
        crossing.operation.method, path, params=query, json=body if crossing.operation.body() else None
    )
