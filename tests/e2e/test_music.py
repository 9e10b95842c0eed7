"""A scene with music on the whole stack: planned over HTTP, rendered, cut to the beat, measured on the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from db.models.scenes import Scene
from tests import patient
from tests.e2e.conftest import RunningStack
from tests.tower.beats.sounds import even_click_track, write_wav
from tests.tower.conform.flashes import find_clicks
from tower.media.probe import probe
from tower.settings import Settings
from tower.shots.scene_jobs import open_scene_job

pytestmark = pytest.mark.e2e
POINTS = [{"time": 0.0, "event": "start"}, {"time": 0.95, "event": "thunder"}]


def post_json(url: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(url, json=body, timeout=60).raise_for_status().json()
    return answer


def put_json(url: str, body: dict[str, Any]) -> None:
    httpx.put(url, json=body, timeout=60).raise_for_status()


@pytest.mark.parametrize("timing", ["cfr", "vfr"])
def test_a_scene_is_cut_to_its_music(stack: RunningStack, timing: str) -> None:
    theme = stack.addresses.data_dir / "media" / f"theme-{timing}.wav"
    theme.parent.mkdir(exist_ok=True)
    write_wav(theme, even_click_track(120, 12))
    base = stack.addresses.production_url
    project_id = post_json(f"{base}/projects", {"name": f"Storm {timing}"})["id"]
    scene_id = post_json(
        f"{base}/scenes", {"project_id": project_id, "description": "Rain over the city", "duration_seconds": 2}
    )["id"]
    body = {"audio_path": str(theme), "bpm": 120, "sync_points": POINTS, "timing": timing}
    planned = post_json(f"{base}/scenes/{scene_id}/audio", body)["audio"]
    settings = Settings(data_dir=stack.addresses.data_dir, database_url=stack.addresses.database_url)
    with stack.sessions.begin() as session:
        job = open_scene_job(
            session,
            session.get_one(Scene, scene_id),
            settings=settings,
            quality="low",
            engine="animatic",
            overrides={"width": 256, "height": 256},
        )
        job_id = job.id
    finished = stack.wait_for_end(job_id)
    assert (finished["status"], finished["warnings"]) == ("completed", []), finished["error"]
    info = probe(Path(finished["output_path"]))
    assert info.frames == 48
    assert info.audio is not None
    assert info.audio.codec == "aac"
    assert find_clicks(Path(finished["output_path"]))
    music = patient.get(f"{base}/scenes/{scene_id}/audio").raise_for_status().json()
    assert music["measured_error_ms"] == pytest.approx(planned["predicted_error_ms"], abs=0.1)
    assert music["measured_error_ms"] <= (500 / 24 + 0.1 if timing == "cfr" else 0.1)
    assert music["output_asset_id"] is not None
    episodes = f"{stack.addresses.episodes_url}/episodes"
    episode_id = post_json(episodes, {"project_id": project_id, "title": "Storm"})["id"]
    put_json(f"{base}/scenes/{scene_id}", {"episode_id": episode_id})
    put_json(f"{episodes}/{episode_id}/cut", {"music": [{"scene_id": scene_id}]})
    film = patient.get(f"{episodes}/{episode_id}/cut-list").raise_for_status().json()
    assert (film["frames"], film["fps"]) == (48, 24)
    assert film["items"][0]["video_path"] == finished["output_path"]
    assert film["music"][0]["path"] == str(theme)
