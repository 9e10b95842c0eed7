"""The common frame of a service: the envelope on every failure, request ids, logs, documents."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.api.framed_service import build_service, read_error


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(build_service()) as client:
        yield client


def test_good_request_is_answered_with_a_fresh_request_id(client: TestClient) -> None:
    first, second = client.get("/api/scenes"), client.get("/api/scenes")
    assert first.status_code == 200
    assert first.headers["X-Request-ID"].startswith("req_")
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]


def test_a_valid_request_id_is_kept_and_an_invalid_one_replaced(client: TestClient) -> None:
    accepted = client.get("/api/conflict", headers={"X-Request-ID": "job-17:a.b_c"})
    assert read_error(accepted)["request_id"] == "job-17:a.b_c"
    for invalid_id in ("", "a b", "x" * 129, 'evil"id', "<script>"):
        answer = client.get("/api/scenes", headers={"X-Request-ID": invalid_id})
        assert answer.headers["X-Request-ID"].startswith("req_")


def test_unknown_endpoint_and_wrong_method(client: TestClient) -> None:
    absent = client.get("/api/absent")
    assert absent.status_code == 404
    assert read_error(absent)["code"] == "NOT_FOUND"
    assert "GET /api/absent" in read_error(absent)["message"]
    wrong = client.patch("/api/conflict", json={})
    assert wrong.status_code == 405
    assert read_error(wrong)["code"] == "METHOD_NOT_ALLOWED"
    assert wrong.headers["Allow"] == "GET, HEAD"


def test_errors_of_tower_keep_code_status_and_details(client: TestClient) -> None:
    answer = client.get("/api/conflict")
    assert answer.status_code == 409
    error = read_error(answer)
    assert (error["code"], error["message"]) == ("CONFLICT", "Both changed the coat")
    assert error["details"] == {"path": "characters.kai.coat"}
    answer = client.get("/api/silent")
    assert answer.status_code == 503
    assert read_error(answer)["code"] == "UNAVAILABLE"


def test_a_silent_database_is_503_without_addresses(client: TestClient) -> None:
    answer = client.get("/api/database")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert read_error(answer)["code"] == "UNAVAILABLE"
    assert "10.1.2.3" not in answer.text


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    loggers = [logging.getLogger("tower"), logging.getLogger("api")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel("INFO")
    yield handler
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_an_unexpected_error_is_logged_in_full_and_hidden_from_the_answer(client: TestClient, records: Records) -> None:
    answer = client.get("/api/boom")
    assert answer.status_code == 500
    error = read_error(answer)
    assert error["code"] == "INTERNAL_ERROR"
    assert "1234" not in answer.text
    assert "Runtime" not in answer.text
    logged = next(record for record in records.kept if record.exc_info)
    assert logged.exc_info is not None
    assert "the secret is 1234" in str(logged.exc_info[1])


def test_failure_in_the_middle_of_an_answer_breaks_the_connection(client: TestClient) -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        client.get("/api/half")


def test_each_request_leaves_one_access_record(client: TestClient, records: Records) -> None:
    client.get("/api/scenes?limit=1")
    client.get("/api/absent%0Aforged")
    access_records = [record for record in records.kept if record.name == "tower.access"]
    assert [(r.__dict__["method"], r.__dict__["path"], r.__dict__["status"]) for r in access_records] == [
        ("GET", "/api/scenes", 200),
        ("GET", "/api/absent%0Aforged", 404),
    ]
    assert all(record.__dict__["ms"] >= 0 for record in access_records)


def test_openapi_documents_the_envelope_for_every_operation(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == 8
    for operation in operations:
        schema = operation["responses"]["422"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_docs_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/scenes" in page.text
    assert "//" not in page.text
    loaded = re.findall(r'(?:src|href)="([a-z][\w./-]+)"', page.text)
    assert {client.get(f"/{path}").status_code for path in loaded} == {200}
    assert set(client.get("/docs/start.js").headers["content-type"].split(";")) >= {"text/javascript"}
    assert client.get("/redoc").status_code == 404


def test_no_origin_is_allowed_by_default(client: TestClient) -> None:
    answer = client.get("/api/scenes", headers={"Origin": "http://elsewhere.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control-allow")]
