"""Makes an episode from nothing and publishes it: `make demo-episode`.

Three scenes with two characters, dialogue as subtitles and music, drawn by the animatic engine. Uses the running stack,
or starts one. Prints the path of the published film and that of its NFO.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from deployments import stack
from deployments.cli.api_client import print_note
from deployments.cli.exits import ExitCode
from deployments.cli.printing import print_line
from deployments.cli.progress import watch_job
from deployments.state import Addresses
from tower.clients.episodes import EpisodesClient
from tower.clients.music import MusicClient
from tower.clients.story import StoryClient
from tower.errors import TowerError, UnavailableError
from tower.library.example import write_example
from tower.settings import Settings

SERIES, TITLE = "Neon Rain", "The Last Train"
SYNOPSIS = "Kai and Mira miss the last train, and walk home through the rain."
BPM, MUSIC_S, SCAN_TIMEOUT_S = 96, 16, 120.0
KAI, MIRA = "Kai Nakamura", "Mira"
CAST = (
    {"name": KAI, "description": "A young detective", "visual_traits": {"coat": "black", "hair": "silver"}},
    {"name": MIRA, "description": "She plays the violin at the station", "visual_traits": {"scarf": "red"}},
)
SCENES = (
    ("Kai waits on a bridge in the rain at night", (KAI,), (KAI, "It never stops raining here.")),
    ("Mira runs through a neon station, the train leaves", (MIRA,), (MIRA, "Wait! That was the last one!")),
    ("Kai and Mira walk home through a neon street in the rain", (KAI, MIRA), (KAI, "Then we walk.")),
)


def main() -> int:
    settings = Settings()
    running = stack.find_running(settings)
    context: AbstractContextManager[Addresses] = (
        nullcontext(running) if running is not None else stack.start_temporarily(settings, print_note)
    )
    try:
        with context as addresses:
            published = make_episode(addresses, settings)
    except TowerError as error:
        print_note(f"tower: {error.message}")
        return ExitCode.FAILED
    print_line(str(published))
    print_line(str(published.with_suffix(".nfo")))
    return ExitCode.OK


def make_episode(addresses: Addresses, settings: Settings) -> Path:
    """Write, render, assemble and publish the episode, and return the path of the published film."""
    key = settings.api_key
    with (
        StoryClient(addresses.production_url, key=key) as story,
        EpisodesClient(addresses.episodes_url, key=key) as episodes,
        MusicClient(addresses.music_url, key=key) as music,
    ):
        episode_id = _write_story(story, episodes)
        cut = {
            "scenes": [
                {"scene_id": scene_id, "transition": {"kind": "dissolve", "frames": 12}}
                for scene_id in episodes.get(episode_id)["scene_ids"][:-1]
            ],
            "title_card": {"lines": [SERIES, TITLE], "seconds": 2, "transition": {"kind": "fade", "frames": 12}},
            "end_card": {"lines": ["Made with Tower"], "seconds": 2},
            "music": [{"track_id": _add_music(music, settings), "gain_db": -6, "fade_out_seconds": 2}],
        }
        episodes.change(episode_id, cut, "cut")
        started = episodes.start_film(episode_id, "render", {"engine": "animatic", "publish": True})
        job = watch_job(story, started, quiet=False)
        if job["status"] != "completed":
            raise TowerError((job["error"] or {}).get("message", "The film was cancelled"))
        for warning in job["warnings"]:
            print_note(f"Note: {warning}")
        return Path(episodes.get(episode_id)["film"]["published_path"])


def _write_story(story: StoryClient, episodes: EpisodesClient) -> str:
    """Write the project with its characters and scenes, and return the id of the episode."""
    name = f"{SERIES} {time.strftime('%Y-%m-%d %H%M%S')}"
    settings = {"series_name": SERIES, "width": 640, "height": 360, "fps": 24, "quality_preset": "fast_preview"}
    project_id = story.create_project({"name": name, "settings": settings})["id"]
    for character in CAST:
        story.create_entity("characters", {"project_id": project_id, **character})
    made = episodes.create({"project_id": project_id, "title": TITLE, "synopsis": SYNOPSIS})
    for number, (description, cast, (speaker, line)) in enumerate(SCENES, start=1):
        scene: dict[str, Any] = {"project_id": project_id, "scene_number": number, "description": description}
        dialogue = [{"character": speaker, "line": line, "timestamp": 0.5}]
        more = {"characters": list(cast), "dialogue": dialogue, "duration": 3, "episode_id": made["id"]}
        story.create_entity("scenes", scene | more)
    return str(made["id"])


def _add_music(music: MusicClient, settings: Settings) -> int:
    """Make a piece of music, and return its id in the library."""
    path = write_example(settings.media / "demo-episode.wav", bpm=BPM, length_s=MUSIC_S)
    scan = music.start_scan(measure=False)["id"]
    deadline = time.monotonic() + SCAN_TIMEOUT_S
    while music.get_scan(scan)["ended_at"] is None:
        if time.monotonic() > deadline:
            raise UnavailableError(f"The scan of {settings.media} did not end within {SCAN_TIMEOUT_S:.0f} s")
        time.sleep(0.2)
    return int(music.search(path.stem, limit=1)[0]["id"])


if __name__ == "__main__":
    sys.exit(main())
