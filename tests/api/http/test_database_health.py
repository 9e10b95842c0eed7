"""A database that serves no request: the answer of the endpoints and of the health check names the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from api.http.database_health import needs_database
from tests.api.api_requests import API_ROOT
from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode

FAILS = "raise exception 'words of the driver' using errcode = '53100'"


@pytest.fixture
def full_disk(committing_engine: Engine) -> Iterator[None]:
    """PostgreSQL refuses each new project, as it does while its disk is full."""
    with committing_engine.begin() as connection:
        body = f"create function refuse() returns trigger language plpgsql as $$ begin {FAILS}; end $$"
        connection.execute(text(body))
        on = "before insert on anime_api.anime_projects"
        connection.execute(text(f"create trigger refuse {on} execute function refuse()"))
    yield
    with committing_engine.begin() as connection:
        connection.execute(text("drop function refuse() cascade"))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_of_the_database_is_answered_with_its_code(client: TestClient) -> None:
    answer = client.post(f"{API_ROOT}/projects", json={"name": "One"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (503, "DATABASE_DISK_FULL")
    assert error["message"] == "The disk of the database is full; run `tower doctor`"
    assert int(answer.headers["Retry-After"]) > 0


def test_the_health_check_names_a_full_disk(session: Session) -> None:
    with pytest.raises(UnavailableError) as failed, needs_database("tower"):
        session.execute(text(f"do $$ begin {FAILS}; end $$"))
    assert failed.value.code == ErrorCode.DATABASE_DISK_FULL
    assert failed.value.message == "The disk of the database is full; run `tower doctor`"
    assert failed.value.details == {"status": "unhealthy", "service": "tower"}
