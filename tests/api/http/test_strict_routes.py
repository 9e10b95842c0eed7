"""Requests are accepted exactly or refused with the field, its value and the expected one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.middleware.body_limit import LIMIT_BYTES
from tests.api.framed_service import build_service, read_error


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(build_service()) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "field", "value", "expected"),
    [
        ({}, "name", None, "a value, it is required"),
        ({"name": 3}, "name", 3, "string"),
        ({"name": "a", "number": "not a number"}, "number", "not a number", "integer"),
        ({"name": "a", "number": "5"}, "number", "5", "integer"),
        ({"name": "a", "number": True}, "number", True, "integer"),
        ({"name": "a", "number": 1.5}, "number", 1.5, "integer"),
        ({"name": "a", "length_s": None}, "length_s", None, "number"),
        ({"name": "a", "inner": {"count": "x"}}, "inner.count", "x", "integer"),
        ({"name": "a", "colour": "red"}, "colour", "red", "no field of this name"),
        ([1], "body", [1], "a JSON object"),
        ("text", "body", "text", "a JSON object"),
    ],
)
def test_refused_field_is_named_with_value_and_expectation(
    client: TestClient, body: Any, field: str, value: Any, expected: str
) -> None:
    answer = client.post("/api/scenes", json=body)
    assert answer.status_code == 422
    error = read_error(answer)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["message"] == f"Invalid {field}: expected {expected}"
    first = {"field": field, "value": value, "expected": expected}
    assert error["details"] == {**first, "errors": [first]}


def test_all_refused_fields_are_listed(client: TestClient) -> None:
    details = read_error(client.post("/api/scenes", json={"number": "x", "length_s": "y"}))["details"]
    assert [error["field"] for error in details["errors"]] == ["name", "number", "length_s"]
    assert details["field"] == "name"


def test_json_with_a_byte_order_mark_is_read_and_other_encodings_are_named(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    marked = client.post("/api/scenes", content='{"name": 5}'.encode("utf-8-sig"), headers=headers)
    assert "Invalid name" in read_error(marked)["message"]
    wide = client.post("/api/scenes", content='{"name": "a"}'.encode("utf-16"), headers=headers)
    assert "not UTF-8" in read_error(wide)["message"]


def test_long_refused_value_is_cut(client: TestClient) -> None:
    details = read_error(client.post("/api/scenes", json={"name": "a", "number": "9" * 50_000}))["details"]
    assert len(details["value"]) == 1001


@pytest.mark.parametrize("levels", [73, 100, 250, 256, 500, 990, 100_000])
@pytest.mark.parametrize(("start", "end"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_deep_json_is_refused_with_a_short_path(client: TestClient, levels: int, start: bytes, end: bytes) -> None:
    body = b'{"name": "a", "metadata": {"x": ' + start * levels + b"1" + end * levels + b"}}"
    answer = client.post("/api/scenes", content=body, headers={"Content-Type": "application/json"})
    error = read_error(answer)
    assert (answer.status_code, error["code"]) == (422, "VALIDATION_ERROR")
    assert error["details"]["field"].startswith("metadata.x.") or error["details"]["field"] == "body"
    assert len(error["message"]) < 100


def test_name_of_an_unknown_field_is_cut_and_printable(client: TestClient) -> None:
    details = read_error(client.post("/api/scenes", json={"name": "a", "\x1b[31m" + "x" * 5000: 1}))["details"]
    assert len(details["field"]) == 200
    assert details["field"].isprintable()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"name": "\xff"}', "it is not UTF-8"),
        (b'{"name": "\\ud800"}', "a text contains half of a surrogate pair"),
        (b'{"name": "a", "number": ' + b"9" * 5000 + b"}", "an integer has 5000 digits, more than 309"),
    ],
)
def test_reason_of_broken_json_is_in_own_words(client: TestClient, body: bytes, reason: str) -> None:
    answer = client.post("/api/scenes", content=body, headers={"Content-Type": "application/json"})
    assert reason in read_error(answer)["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": ',
        b'{"name": "a", "length_s": NaN}',
        b'{"name": "a", "length_s": -Infinity}',
        b'{"name": "a", "metadata": {"x": [1e999]}}',
        b'{"name": "a", "number": ' + b"9" * 5000 + b"}",
        b'{"name": "\\ud800"}',
        b'{"name": "a", "metadata": {"\\u0000": 1}}',
        b'{"name": "\xff"}',
        b"",
    ],
    ids=["cut", "NaN", "Infinity", "1e999", "long integer", "surrogate", "NUL", "not UTF-8", "empty"],
)
def test_broken_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/scenes", content=body, headers={"Content-Type": "application/json"})
    error = read_error(answer)
    assert (answer.status_code, error["code"]) in {(400, "INVALID_JSON"), (422, "VALIDATION_ERROR")}
    assert error["details"]["field"] == "body"
    assert (answer.status_code == 400) == bool(body)


def test_other_media_types_are_415(client: TestClient) -> None:
    form = client.post("/api/scenes", data={"name": "a"})
    assert form.status_code == 415
    assert read_error(form)["code"] == "UNSUPPORTED_MEDIA_TYPE"
    assert client.post("/api/scenes", content=b'{"name": "a"}').status_code == 415
    problem = client.post("/api/scenes", content=b'{"name": "a"}', headers={"Content-Type": "application/x+json; v=1"})
    assert problem.status_code == 200


def test_unknown_query_parameters_are_refused(client: TestClient) -> None:
    assert client.get("/api/scenes?limit=2").json() == [0, 1]
    answer = client.get("/api/scenes?limit=2&page=4")
    assert answer.status_code == 422
    first = read_error(answer)["details"]["errors"]
    assert first == [{"field": "page", "value": "4", "expected": "one of limit"}]
    assert client.post("/api/scenes?limit=2", json={"name": "a"}).status_code == 422
    assert read_error(client.get("/api/scenes?limit=two"))["details"]["expected"] == "integer"


def test_a_query_parameter_is_given_once_unless_it_is_a_list(client: TestClient) -> None:
    answer = client.get("/api/scenes?limit=2&limit=3")
    assert answer.status_code == 422
    assert read_error(answer)["details"]["errors"] == [{"field": "limit", "value": ["2", "3"], "expected": "one value"}]


def test_nul_is_refused_in_the_query_and_names_nothing_in_the_path(client: TestClient) -> None:
    answer = client.get("/api/scenes?limit=%00")
    assert answer.status_code == 422
    expected = {"field": "limit", "value": "\0", "expected": "a text without the character NUL"}
    assert read_error(answer)["details"]["errors"] == [expected]
    assert client.get("/api/scenes/a%00b").status_code == 404
    assert client.get("/api/scenes/a").json() == "a"


def test_a_large_body_is_413_announced_or_chunked(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    announced = client.post("/api/scenes", content=b" " * (LIMIT_BYTES + 1), headers=headers)
    assert announced.status_code == 413
    assert read_error(announced)["code"] == "BODY_TOO_LARGE"

    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 65_536

    chunked = client.post("/api/scenes", content=chunks(), headers=headers)
    assert "content-length" not in chunked.request.headers
    assert chunked.status_code == 413
    assert read_error(chunked)["code"] == "BODY_TOO_LARGE"


def test_a_body_of_exactly_the_limit_is_accepted(client: TestClient) -> None:
    shell = len(json.dumps({"name": ""}))
    exact = json.dumps({"name": "x" * (LIMIT_BYTES - shell)}).encode()
    assert len(exact) == LIMIT_BYTES
    assert client.post("/api/scenes", content=exact, headers={"Content-Type": "application/json"}).status_code == 200


@pytest.mark.parametrize(("number", "status"), [("362.0", 200), ("3.62e2", 200), ("362", 200), ("362.5", 422)])
def test_a_whole_number_is_an_integer_however_it_is_written(client: TestClient, number: str, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/scenes", content=f'{{"name": "a", "number": {number}}}', headers=headers)
    assert answer.status_code == status, answer.text
