"""The production service on a database of its own, with nothing else running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.production.app import create_app
from db.engine import Sessions
from tests.api.small_servers import refusing
from tower.settings import Settings


@pytest.fixture
def api_database_url(committing_engine: Engine, sessions: Sessions) -> str:
    """The database behind `sessions`: the service commits to it, and it is emptied after the test."""
    return committing_engine.url.render_as_string(hide_password=False)


@pytest.fixture
def client(api_database_url: str) -> Iterator[TestClient]:
    with refusing() as prefect:
        settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api")
        with TestClient(create_app(settings)) as client:
            yield client
