"""The cut of an episode for editing programs."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.testclient import TestClient

from db.engine import SessionFactory
from tests.api.api_requests import status_and_code
from tests.api.episodes.test_staleness import build_episode
from tests.small_media import write_video
from tests.tower.versions.story import VersionedStory
from tower.versions.kinds import Kind


def test_a_cut_is_exported_with_what_its_format_does_not_hold(
    episodes: TestClient, sessions: SessionFactory, tmp_path: Path
) -> None:
    url, village = build_episode(sessions, tmp_path, takes=False)
    assert status_and_code(episodes.get(f"{url}/export?format=otio")) == (409, "EPISODE_INCOMPLETE")
    with sessions() as session:
        story = VersionedStory(session, village.stage.story.project_id)
        for number, scene in enumerate((village.alone, village.both, village.empty)):
            story.put(Kind.SCENES, key=scene, video_path=str(write_video(tmp_path / f"{number}.mp4")))
        session.commit()
    otio = episodes.get(f"{url}/export?format=otio")
    assert otio.status_code == 200
    assert otio.json()["OTIO_SCHEMA"].startswith("Timeline")
    assert otio.headers["content-disposition"] == 'attachment; filename="episode-1.otio"'
    edl = episodes.get(f"{url}/export?format=edl")
    losses = json.loads(edl.headers["Tower-Losses"])
    assert edl.headers["content-type"].startswith("text/plain")
    assert len(losses) == int(edl.headers["Tower-Losses-Count"])
    assert status_and_code(episodes.get(f"{url}/export?format=avi")) == (422, "VALIDATION_ERROR")
