"""OpenAPI documents every operation of every service well enough to generate a client."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from api.episodes import app as episodes
from api.episodes import exports
from api.music import app as music
from api.production import app as production
from tests.api.openapi import Operation, find_integers, list_operations, path_parameters, path_pattern
from tower.library import playing
from tower.settings import Settings
from tower.storage import assets

SERVICES = {"production": production.create_app, "episodes": episodes.create_app, "music": music.create_app}
DOCUMENTS = {name: create(Settings(database_url="postgresql://unused")).openapi() for name, create in SERVICES.items()}
ALL = [
    pytest.param(operation, id=f"{name}: {operation}")
    for name, document in DOCUMENTS.items()
    for operation in list_operations(document)
]
EXACT = 2**53 - 1  # the largest integer that OpenAPI's numbers and JavaScript's hold
FILES = {  # the media types of answers that are files, by the end of the path
    "subtitles.{kind}": {
        "application/x-subrip",
        "text/vtt",
        "text/x-ssa",
    },
    "video": {"video/mp4"},
    "trailer": {"video/mp4"},
    "export": {"application/zip"},
    "{episode_id}/export": set(exports.MEDIA_TYPES.values()),
    "poster": {"image/png"},
    "file": {*assets.MEDIA_TYPES.values(), "application/octet-stream"},
    "stream": set(playing.MEDIA_TYPES.values()),
    "waveform": {"image/svg+xml"},
}
ENVELOPE = {"$ref": "#/components/schemas/ErrorAnswer"}


@pytest.mark.parametrize("operation", ALL)
def test_operation_is_named_grouped_and_explained(operation: Operation) -> None:
    definition = operation.definition
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", definition["operationId"])
    assert definition["tags"]
    assert definition["summary"]
    assert definition["description"][0].isupper()
    assert definition["description"].endswith((".", ")", "?"))


@pytest.mark.parametrize("operation", ALL)
def test_every_operation_documents_its_answers(operation: Operation) -> None:
    good = {
        status: response for status, response in operation.definition["responses"].items() if status.startswith("2")
    }
    assert good
    for status, response in good.items():
        if status == "204":
            continue
        for media, content in response["content"].items():
            schema = operation.resolve(content.get("schema", {}))
            assert media != "application/json" or schema.keys() & {"type", "anyOf", "oneOf"}, f"{status} has no model"


@pytest.mark.parametrize("operation", ALL)
def test_every_operation_documents_its_errors(operation: Operation) -> None:
    failures = {status: response for status, response in operation.definition["responses"].items() if status[0] in "45"}
    for response in failures.values():
        assert response["content"]["application/json"]["schema"] == ENVELOPE
        assert response["description"]
    expected = {"422", "500", "503"}
    expected |= set() if operation.is_open() else {"401", "403", "429"}
    expected |= {"400", "413", "415"} if operation.body() else set()
    expected |= {"404"} if path_parameters(operation.path) else set()
    assert expected - set(failures) == set()


@pytest.mark.parametrize("operation", [operation for operation in ALL if operation.values[0].body()])  # type: ignore[union-attr] # the values are operations
def test_body_has_an_example_with_known_fields(operation: Operation) -> None:
    body = operation.body()
    assert body["examples"]
    assert body["additionalProperties"] is False
    for example in body["examples"]:
        assert set(body.get("required", [])) <= set(example)
        assert set(example) <= set(body["properties"])


@pytest.mark.parametrize("name", SERVICES)
def test_operation_ids_are_unique(name: str) -> None:
    ids = [operation.definition["operationId"] for operation in list_operations(DOCUMENTS[name])]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", SERVICES)
def test_bounds_of_integers_are_exact(name: str) -> None:
    bounds = [schema.get(bound) for schema in find_integers(DOCUMENTS[name]) for bound in ("minimum", "maximum")]
    assert [bound for bound in bounds if bound is not None and abs(bound) > EXACT] == []


@pytest.mark.parametrize("name", SERVICES)
def test_undefined_methods_are_405_with_the_allowed_ones(name: str) -> None:
    document = DOCUMENTS[name]
    methods_by_path: dict[str, set[str]] = {}
    for operation in list_operations(document):
        methods_by_path.setdefault(operation.path, set()).add(operation.method)
    client = TestClient(SERVICES[name](Settings(database_url="postgresql://unused")))
    for path in methods_by_path:
        url = re.sub("{.*?}", "1", path)
        documented = set().union(
            *(methods for other, methods in methods_by_path.items() if path_pattern(other).fullmatch(url))
        )
        allowed = documented | ({"HEAD"} if "GET" in documented else set())
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
            answer = client.request(method, url)
            assert (answer.status_code, method, url) == (204 if method == "OPTIONS" else 405, method, url)
            assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("name", SERVICES)
def test_whole_bounds_are_written_as_integers(name: str) -> None:
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "default")
    integers = list(find_integers(DOCUMENTS[name]))
    assert integers
    assert [schema for schema in integers if any(isinstance(schema.get(bound), float) for bound in bounds)] == []


@pytest.mark.parametrize("operation", [operation for operation in ALL if operation.values[0].method == "GET"])  # type: ignore[union-attr] # the values are operations
def test_files_are_documented_with_their_media_types(operation: Operation) -> None:
    media = set(operation.definition["responses"]["200"]["content"])
    *_, parent, ending = operation.path.split("/")
    assert media == FILES.get(f"{parent}/{ending}", FILES.get(ending, {"application/json"}))
