"""The film of an episode is sent whole or by Range."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import update

from db.engine import SessionFactory
from db.models.episodes import Episode
from tests.api.api_requests import status_and_code
from tests.api.episodes.test_staleness import build_episode


def test_a_film_is_sent_whole_or_by_range(episodes: TestClient, sessions: SessionFactory, tmp_path: Path) -> None:
    url, _ = build_episode(sessions, tmp_path, takes=False)
    assert status_and_code(episodes.get(f"{url}/video")) == (404, "NO_VIDEO")
    film = tmp_path / "film.mp4"
    film.write_bytes(b"0123456789")
    with sessions.begin() as session:
        session.execute(update(Episode).values(video_path=str(film)))
    whole = episodes.get(f"{url}/video")
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, b"0123456789", "video/mp4")
    part = episodes.get(f"{url}/video", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert episodes.get(f"{url}/video", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    film.unlink()
    assert status_and_code(episodes.get(f"{url}/video")) == (404, "VIDEO_MISSING")
