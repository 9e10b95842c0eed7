"""An episode of three scenes with real takes, and its film."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from tests.tower.publishing.films import RATE, write_film
from tests.tower.story_fixture import VillageStory, build_village
from tower.assembly.planning import plan_cut
from tower.films.describing import FinishedFilm
from tower.story.episodes import find_episode
from tower.versions.kinds import Kind

SECONDS, SIDE_PX = 2, 96


@dataclass(frozen=True)
class FilmedVillage:
    village: VillageStory
    finished: FinishedFilm
    takes: tuple[Path, ...]


def film_village(session: Session, folder: Path) -> FilmedVillage:
    """The film is a file like its takes."""
    village = build_village(session, folder)
    key = village.stage.story.put(Kind.EPISODES, episode_number=3, title="Rain", synopsis="It rains.")
    takes = tuple(write_film(folder / f"{seed}.mp4", seed=seed, seconds=SECONDS, side=SIDE_PX) for seed in (1, 2, 3))
    for scene, path in zip((village.alone, village.both, village.empty), takes, strict=True):
        lines = [{"character": "Kai", "line": "It rains.", "timestamp": 0.5}]
        village.edit(Kind.SCENES, scene, episode_key=str(key), dialogue=lines)
        take = village.stage.render_and_accept(scene)
        take.path, take.sha256 = str(path), hashlib.sha256(path.read_bytes()).hexdigest()
        take.probe = {"frames": SECONDS * RATE, "fps_exact": str(RATE), "width": SIDE_PX, "height": SIDE_PX}
    session.flush()
    episode = find_episode(session, key)
    film = write_film(folder / "film.mp4", seed=4, seconds=3 * SECONDS)
    return FilmedVillage(village, FinishedFilm(episode, film, plan_cut(session, episode)), takes)
