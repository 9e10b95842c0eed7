"""The episodes service beside the production service, on one database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.episodes.app import create_app
from tower.settings import Settings


@pytest.fixture
def episodes(api_database_url: str) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(database_url=api_database_url))) as client:
        yield client
