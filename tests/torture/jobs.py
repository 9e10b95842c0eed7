"""The jobs that are tortured: one of each recipe with a stage of its own, a second long."""

from __future__ import annotations

import itertools
from enum import StrEnum

from db.models.scenes import Scene
from tests.torture.stack import TorturedStack
from tests.tower.beats.sounds import even_click_track, write_wav
from tower.clients.api_connection import ApiConnection
from tower.shots.scene_jobs import open_scene_job

SECONDS, FPS, SIZE = 1, 24, 256
_seeds = itertools.count(1)


class Recipe(StrEnum):
    STANDARD = "standard"
    FAST = "fast"  # has the stage in which segments are joined
    SCENE = "scene"  # has the stage in which a take is cut to music


STAGE_OF = {"joined": Recipe.FAST, "synced": Recipe.SCENE}


class StoryClient(ApiConnection):
    """Makes the scene with music."""

    def make_scene(self, audio_path: str) -> int:
        """Make a project with one scene that has this music, and return the scene's id."""
        project_id = self._request("POST", "/projects", json={"name": "Torture"})["id"]
        body = {"project_id": project_id, "description": "Rain over the city", "duration_seconds": SECONDS}
        scene_id: int = self._request("POST", "/scenes", json=body)["id"]
        points = [{"time": 0.0, "event": "start"}, {"time": 0.45, "event": "thunder"}]
        music = {"audio_path": audio_path, "bpm": 120, "sync_points": points, "timing": "cfr"}
        self._request("POST", f"/scenes/{scene_id}/audio", json=music)
        return scene_id


class JobOpener:
    """Opens jobs of one stack. No two have the same shot, so that none reuses the take of another."""

    def __init__(self, stack: TorturedStack) -> None:
        self._stack = stack
        theme = stack.data / "media" / "theme.wav"
        theme.parent.mkdir(exist_ok=True)
        write_wav(theme, even_click_track(120, 12))
        self._scene_id = StoryClient(stack.read_state().addresses.production_url, timeout_s=60).make_scene(str(theme))

    def open(self, recipe: Recipe) -> int:
        """Open a job and return its id."""
        seed = next(_seeds)
        if recipe is Recipe.SCENE:
            return self._open_for_scene(seed)
        shot = {"prompt": "rain on a tin roof", "duration": SECONDS, "width": SIZE, "height": SIZE, "seed": seed}
        job_id: int = self._stack.api.generate({**shot, "engine": "comfyui"}, fast=recipe is Recipe.FAST)["job_id"]
        return job_id

    def _open_for_scene(self, seed: int) -> int:
        with self._stack.sessions.begin() as session:
            return open_scene_job(
                session,
                session.get_one(Scene, self._scene_id),
                settings=self._stack.settings,
                quality="low",
                engine="comfyui",
                overrides={"width": SIZE, "height": SIZE, "seed": seed},
            ).id
