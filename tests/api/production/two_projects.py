"""Two projects with one of every entity that the service can create, and their ids and names."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from typing import Any

from fastapi.testclient import TestClient

from tests.api.openapi import Operation, path_parameters

PROJECT = "project_id"
TEXTS = ("name", "title", "description", "message")  # contain the mark of their project
NEW_NAMES = ("branch_name", "tag_name")  # also contain the mark if they name a new entity
HASHES = ("at", "from", "to", "hash", "commit", "commit_hash")  # parameters that accept the hash of a commit
REFERENCE = re.compile(r"(at|from|to|ref)|(.+_)?(ids?|keys?|hash|branch|branch_name|commit|tag|tag_name)")


@dataclass
class ProjectWorld:
    """One project. `ids` contains its entities' ids by the path of their list, `names` the other names in answers.

    Both keep the first value, `latest` the last one.
    """

    mark: str
    project_id: int
    ids: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    latest: dict[str, Any] = field(default_factory=dict)

    def value_for(self, name: str) -> Any:
        """The value of a parameter outside the path; None if no such entity was created."""
        if name == PROJECT:
            return self.project_id
        same = HASHES if name in HASHES else (name,)
        return next((self.names[name] for name in same if name in self.names), None)

    def path_value(self, path: str, name: str) -> Any:
        """The value of a path parameter; None if no such entity was created."""
        listed_at = path[: path.index(f"/{{{name}}}")]
        return self.project_id if name == PROJECT else self.ids.get(listed_at, self.value_for(name))

    def fill_path(self, operation: Operation, **overrides: Any) -> str | None:
        """The path with this project's values, or those of `overrides`; None if one is missing."""
        path = operation.path
        for name in path_parameters(path):
            value = overrides.get(name, self.path_value(operation.path, name))
            if value is None:
                return None
            path = path.replace(f"{{{name}}}", str(value))
        return path

    def build_query(self, operation: Operation) -> dict[str, Any]:
        """The required parameters; free text is the mark."""
        parameters = operation.parameters("query")
        required = [name for name, definition in parameters.items() if definition.get("required") or name == PROJECT]
        return {name: self.mark if (value := self.value_for(name)) is None else value for name in required}

    def build_body(self, operation: Operation, *, new_names: bool = False) -> dict[str, Any]:
        """The example for this project, with its mark. Paths are omitted because their files do not exist."""
        body = copy.deepcopy(operation.example())
        marked = (*TEXTS, *(NEW_NAMES if new_names else ()))
        for name in body:
            if name == PROJECT:
                body[name] = self.project_id
            elif name in marked and isinstance(body[name], str):
                body[name] = f"{self.mark}_{body[name]}"
        return {name: value for name, value in body.items() if not name.endswith("_path")}

    def learn(self, operation: Operation, answer: Any) -> None:
        """Store the names in an answer, except those of jobs, which every project may read."""
        if not isinstance(answer, dict) or "job_id" in answer:
            return
        if "id" in answer:
            self.ids.setdefault(operation.path, answer["id"])
        if "key" in answer:
            self.names.setdefault("kind", operation.path.rpartition("/")[2])
        for name, value in answer.items():
            if isinstance(value, int | str) and REFERENCE.fullmatch(name) and name != "id":
                self.names.setdefault(name, value)
                self.latest[name] = value

    def all_values(self) -> set[Any]:
        return {*self.ids.values(), *self.names.values(), *self.latest.values()}


def names_a_project(operation: Operation) -> bool:
    """Whether a request names its project."""
    named = {*operation.parameters("path"), *operation.parameters("query"), *operation.body().get("properties", {})}
    return PROJECT in named


def build_world(client: TestClient, operations: list[Operation], mark: str) -> ProjectWorld:
    """Create a project and send each POST that names a project once, those with the shortest paths first."""
    created = client.post("/api/anime/projects", json={"name": f"{mark} project"})
    assert created.status_code == 201, created.text
    world = ProjectWorld(mark, created.json()["id"])
    makers = [operation for operation in operations if operation.method == "POST" and names_a_project(operation)]
    for operation in sorted(makers, key=lambda operation: len(operation.path)):
        send_creation(client, operation, world)
    return world


def send_creation(client: TestClient, operation: Operation, world: ProjectWorld) -> None:
    """Try the request with new names and with existing ones."""
    path = world.fill_path(operation)
    for new_names in (True, False) if path else ():
        body = world.build_body(operation, new_names=new_names) if operation.body() else None
        answer = client.post(path or "", params=world.build_query(operation), json=body)
        if answer.is_success:
            world.learn(operation, answer.json())
            return


def read_everything(client: TestClient, operations: list[Operation], world: ProjectWorld) -> dict[str, Any]:
    """Every readable answer about a project."""
    answers = {}
    for operation in operations:
        if operation.method == "GET" and (names_a_project(operation) or PROJECT in path_parameters(operation.path)):
            path = world.fill_path(operation)
            if path is not None:
                answer = client.get(path, params=world.build_query(operation))
                answers[str(operation)] = (answer.status_code, answer.text)
    return answers


def reveals(mark: str, text: str, sent: object) -> bool:
    """Whether an answer contains this mark, ignoring the values of the request itself."""
    for value in filter(lambda text: isinstance(text, str), sent if isinstance(sent, list) else [sent]):
        text = text.replace(json.dumps(value)[1:-1], "").replace(value, "")
    return mark in text
