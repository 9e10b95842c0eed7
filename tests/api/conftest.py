"""The production service on a separate database, without other parts of the stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.production.app import create_app
from db.engine import SessionFactory
from tests.api.small_servers import FakePrefect, reserve_refusing_address, serve
from tower.settings import Settings


@pytest.fixture
def api_database_url(committing_engine: Engine, sessions: SessionFactory) -> str:
    """The database behind `sessions`: the service commits to it, and the test ends with empty tables."""
    return committing_engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def app(committing_engine: Engine) -> Iterator[FastAPI]:
    """One app for all tests: its first request builds the routes, which costs at least 0.2 s."""
    with reserve_refusing_address() as prefect:
        url = committing_engine.url.render_as_string(hide_password=False)
        yield create_app(Settings(database_url=url, prefect_api_url=f"{prefect}/api"))


@pytest.fixture
def client(app: FastAPI, api_database_url: str) -> Iterator[TestClient]:
    """The service, started and stopped in the environment of each test."""
    settings: Settings = app.state.settings
    app.state.settings = Settings(database_url=api_database_url, prefect_api_url=settings.prefect_api_url)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def served_client(app: FastAPI, api_database_url: str) -> Iterator[TestClient]:
    """The service beside a Prefect whose runs stay scheduled, so that its jobs have an estimate."""
    settings: Settings = app.state.settings
    with serve(FakePrefect()) as prefect:
        app.state.settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api")
        with TestClient(app) as client:
            yield client
    app.state.settings = settings
