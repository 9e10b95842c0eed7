"""Sends every request to the episodes service that the seed documents contain."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi.testclient import TestClient

from tests.api.api_factories import create_project, require_success
from tests.api.episodes.test_routes import create_episode
from tests.api.production.seed_curls import load_curls

PORT = 8323
DOCUMENTED = (
    *("id", "episode_number", "title", "synopsis", "duration", "status", "scenes", "characters", "metadata"),
    *("video_path", "quality_score", "created_at", "updated_at"),
)


def test_every_documented_request_is_answered(client: TestClient, episodes: TestClient) -> None:
    create_episode(episodes, create_project(client))
    curls = [curl for curl in load_curls() if curl.port == PORT]
    answers = {urlsplit(curl.url).path: require_success(episodes.request(curl.method, curl.url)) for curl in curls}
    assert answers["/api/anime/health"] == {"status": "healthy", "service": "episodes-api"}
    (row,) = answers["/api/anime/episodes"]
    assert set(DOCUMENTED) <= row.keys()
    assert len(answers) == 2
