"""The operations of a service, read from its OpenAPI document, for tests that also cover operations added later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    definition: Schema
    document: Schema

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def parameters(self, where: str) -> dict[str, Schema]:
        """The parameters by name. `where` is path, query or header."""
        resolved = [self.resolve(schema) for schema in self.definition.get("parameters", [])]
        return {schema["name"]: schema for schema in resolved if schema["in"] == where}

    def body(self) -> Schema:
        """The schema of a JSON body; empty if there is none."""
        content = self.definition.get("requestBody", {}).get("content", {})
        return self.resolve(content.get("application/json", {}).get("schema", {}))

    def example(self) -> Schema:
        """The first example of the body; empty if there is none."""
        return cast(Schema, next(iter(self.body().get("examples", [])), {}))

    def is_open(self) -> bool:
        return self.definition.get("security") == []

    def resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            schema = self.document["components"]["schemas"][name]
        return schema


def list_operations(document: Schema) -> list[Operation]:
    return [
        Operation(method.upper(), path, definition, document)
        for path, methods in document["paths"].items()
        for method, definition in methods.items()
        if method in METHODS
    ]


def path_parameters(path: str) -> list[str]:
    """['project_id'] for /projects/{project_id}."""
    return re.findall(r"{(\w+)}", path)


def path_pattern(path: str) -> re.Pattern[str]:
    """A pattern for paths of this form."""
    return re.compile(
        "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split("({.*?})", path))
    )


def find_integers(schema: object) -> Iterator[Schema]:
    """Every schema of an integer at any depth."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield schema
        for inner in schema.values():
            yield from find_integers(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from find_integers(inner)
