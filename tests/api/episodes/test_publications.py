"""Publications over the API: history, rollback, unpublishing, and a look at Jellyfin."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from api.episodes.app import create_app
from db.engine import SessionFactory
from tests.fakes.jellyfin.server import KEY, FakeJellyfin
from tests.tower.publishing.films import EPISODE, make_film, write_film
from tower.publishing.marking import copy_unmarked
from tower.publishing.publisher import Publisher
from tower.settings import Settings

PATH = f"/api/anime/episodes/{EPISODE}"


@dataclass(frozen=True)
class Studio:
    client: TestClient
    publish: Callable[[str], Any]

    def get(self, **params: Any) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.client.get(f"{PATH}/publications", params=params).json()
        return answer

    def post(self, path: str, **body: Any) -> Response:
        answer: Response = self.client.post(f"{PATH}/{path}", json=body)
        return answer


@pytest.fixture
def studio(sessions: SessionFactory, api_database_url: str, tmp_path: Path) -> Iterator[Studio]:
    settings = Settings(database_url=api_database_url, data_dir=tmp_path)
    film = write_film(tmp_path / "film.mp4")
    with FakeJellyfin(settings.library) as jellyfin:
        seen = settings.model_copy(update={"jellyfin_url": jellyfin.url, "jellyfin_key": KEY})
        publisher = Publisher(sessions, library=settings.library, renders=settings.renders, mark=copy_unmarked)
        with TestClient(create_app(Settings(**seen.model_dump()))) as client:
            yield Studio(client, lambda title: publisher.publish(make_film(film, title=title)))


def test_the_history_is_paged_and_an_earlier_version_comes_back(studio: Studio) -> None:
    assert studio.client.get(f"{PATH}/publications").status_code == 404
    first, second = studio.publish("One"), studio.publish("Two")
    rows = studio.get()
    assert [(row["id"], row["state"], row["title"]) for row in rows] == [
        (second.id, "published", "Two"),
        (first.id, "replaced", "One"),
    ]
    assert [row["id"] for row in studio.get(limit=1)] == [second.id]
    assert [row["id"] for row in studio.get(state="replaced")] == [first.id]

    back = studio.post("publication/rollback")
    assert (back.status_code, back.json()["title"], back.json()["state"]) == (200, "One", "visible")
    again = studio.post("publication/rollback", publication_id=second.id).json()
    assert (again["title"], again["jellyfin_item_id"] is not None) == ("Two", True)
    assert studio.post("publication/rollback", publication_id=999).status_code == 404


def test_an_unpublished_episode_leaves_the_library_and_its_history_stays(studio: Studio, tmp_path: Path) -> None:
    studio.publish("One")
    gone = studio.client.delete(f"{PATH}/publication").json()
    assert (gone["state"], gone["ended_at"] is not None) == ("unpublished", True)
    assert list((tmp_path / "library").rglob("*.mp4")) == []
    assert studio.client.delete(f"{PATH}/publication").status_code == 404
    assert [row["state"] for row in studio.get()] == ["unpublished"]


def test_jellyfin_is_asked_again(studio: Studio) -> None:
    row = studio.publish("One")
    assert studio.post(f"publications/{row.id}/look").json()["state"] == "visible"
    assert studio.post("publications/999/look").status_code == 404
    other = f"/api/anime/episodes/{uuid.uuid4()}/publications/{row.id}/look"
    assert studio.client.post(other).status_code == 404
