"""The planned cut of an episode and its staleness over HTTP."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import select

from db.engine import SessionFactory
from db.models.episodes import Episode, EpisodeStatus
from tests.api.api_factories import require_success
from tests.api.api_requests import API_ROOT, status_and_code
from tests.tower.assembly.conftest import TAKE_SHAPE
from tests.tower.story_fixture import VillageStory, build_village
from tests.tower.versions.story import VersionedStory
from tower.versions.kinds import Kind


def build_episode(sessions: SessionFactory, folder: Path, *, takes: bool) -> tuple[str, VillageStory]:
    """An episode of three scenes with or without takes, committed."""
    with sessions() as session:
        village = build_village(session, folder)
        key = village.stage.story.put(Kind.EPISODES, episode_number=1, title="Rain")
        line = {"character": "Kai", "line": "Rain again", "timestamp": 1}
        village.edit(Kind.SCENES, village.both, dialogue=[line])
        for scene in (village.alone, village.both, village.empty):
            village.edit(Kind.SCENES, scene, episode_key=str(key))
            if takes:
                village.stage.render_and_accept(scene).probe = TAKE_SHAPE
        session.commit()
    return f"{API_ROOT}/episodes/{key}", village


def test_the_cut_list_has_frames_and_times(episodes: TestClient, sessions: SessionFactory, tmp_path: Path) -> None:
    url, village = build_episode(sessions, tmp_path, takes=True)
    flash = {"kind": "flash", "at_seconds": 1}
    scenes = [
        {"scene_id": str(village.both), "effect": flash, "transition": {"kind": "dissolve", "frames": 12}},
    ]
    require_success(episodes.put(f"{url}/cut", json={"scenes": scenes, "title_card": {"lines": ["Rain", "1"]}}))
    answer = episodes.get(f"{url}/cut-list")
    planned = require_success(answer)
    assert (planned["frames"], planned["seconds"], planned["fps"]) == (276, 11.5, 24)
    named = ("kind", "title", "start_frame", "start_seconds", "seconds")
    assert [tuple(row[name] for name in named) for row in planned["items"]] == [
        ("title", "Rain / 1", 0, 0, 3),
        ("shot", "Scene 2", 72, 3, 3),
        ("shot", "Scene 1", 132, 5.5, 3),
        ("shot", "Scene 3", 204, 8.5, 3),
    ]
    assert planned["items"][1]["effect"] == {"kind": "flash", "scale": 1, "start_frame": 24, "frames": 7}
    assert planned["items"][1]["transition"] == {"kind": "dissolve", "frames": 12}
    assert planned["items"][3]["transition"] is None
    assert planned["subtitles"] == [
        {"start_seconds": 4, "end_seconds": 5.208333, "text": "Rain again", "speaker": "Kai", "language": "eng"}
    ]
    written = episodes.get(f"{url}/subtitles.vtt")
    assert written.headers["content-type"] == "text/vtt; charset=utf-8"
    assert "00:00:03.979 --> 00:00:05.188\n" in written.text  # half a frame early
    assert "Rain again" in episodes.get(f"{url}/subtitles.srt").text
    assert "Rain again" in episodes.get(f"{url}/subtitles.ass").text
    assert status_and_code(episodes.get(f"{url}/subtitles.doc")) == (422, "VALIDATION_ERROR")
    assert [row["start_seconds"] for row in planned["chapters"]] == [0, 3, 5.5, 8.5]
    again = episodes.get(f"{url}/cut-list", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_an_episode_without_takes_says_which(episodes: TestClient, sessions: SessionFactory, tmp_path: Path) -> None:
    url, _ = build_episode(sessions, tmp_path, takes=False)
    answer = episodes.get(f"{url}/cut-list")
    assert status_and_code(answer) == (409, "EPISODE_INCOMPLETE")
    stale = require_success(episodes.get(f"{url}/stale"))
    assert answer.json()["error"]["details"]["scene_ids"] == stale["missing"]
    assert (stale["scenes"], stale["fresh"], stale["stale"], len(stale["missing"])) == (3, 0, [], 3)
    assert stale["film"] == {"state": "missing", "reason": "The episode is not assembled yet"}


def test_staleness_reaches_the_episode_and_its_film(
    episodes: TestClient, sessions: SessionFactory, tmp_path: Path
) -> None:
    url, village = build_episode(sessions, tmp_path, takes=True)
    read = require_success(episodes.get(url))
    assert read["quality_score"] == 8
    with sessions.begin() as session:
        row = session.scalars(select(Episode)).one()
        row.status, row.video_path = EpisodeStatus.COMPLETED, str(tmp_path / "film.mp4")
        row.film_fingerprint = require_success(episodes.get(f"{url}/cut-list"))["fingerprint"]
        row.duration_s = 1470
    assert require_success(episodes.get(url))["duration"] == "24:30"
    before = require_success(episodes.get(f"{url}/stale"))
    assert (before["fresh"], before["film"]) == (3, {"state": "current", "reason": None})
    with sessions.begin() as session:
        story = VersionedStory(session, read["project_id"])
        story.put(Kind.CHARACTERS, key=village.kai, visual_traits={"hair": "silver", "coat": "red"})
    after = require_success(episodes.get(f"{url}/stale"))
    assert (len(after["stale_scenes"]), after["film"]["state"]) == (2, "current")
    assert after["stale"][0]["reasons"][0]["field"] == "visual_traits/coat"
    require_success(episodes.put(f"{url}/cut", json={"end_card": {"lines": ["Fin"]}}))
    assert require_success(episodes.get(f"{url}/stale"))["film"]["state"] == "outdated"
