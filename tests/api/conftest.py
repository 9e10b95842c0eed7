"""The production service on a database of its own, with nothing else running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
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


@pytest.fixture(scope="session")
def app(committing_engine: Engine) -> Iterator[FastAPI]:
    """One for all tests: the first request to an app builds its routes, in 0.2 s of processor time and more."""
    with refusing() as prefect:
        url = committing_engine.url.render_as_string(hide_password=False)
        yield create_app(Settings(database_url=url, prefect_api_url=f"{prefect}/api"))


@pytest.fixture
def client(app: FastAPI, api_database_url: str) -> Iterator[TestClient]:
    """The service, started and stopped with each test, and with the environment of that test."""
    settings: Settings = app.state.settings
    app.state.settings = Settings(database_url=api_database_url, prefect_api_url=settings.prefect_api_url)
    with TestClient(app) as client:
        yield client
