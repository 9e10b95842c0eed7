"""A village whose three scenes are an episode with accepted takes, and the golden film, which is assembled once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from tests.tower.assembly.golden import Material, golden_cut, make_material
from tests.tower.story_fixture import VillageStory, build_village
from tower.assembly.cut import EpisodeCut
from tower.assembly.film import AssemblyResult, assemble
from tower.assembly.planning import plan_cut
from tower.story.entities import LocatedRow
from tower.story.episodes import find_episode
from tower.versions.kinds import Kind

TAKE_SHAPE = {"frames": 72, "fps_exact": "24", "width": 512, "height": 288}


@dataclass(frozen=True)
class EpisodeStage:
    """An episode of the village. Its takes have 72 frames at 24 frames per second."""

    village: VillageStory
    key: uuid.UUID

    @property
    def scenes(self) -> tuple[uuid.UUID, ...]:
        return self.village.alone, self.village.both, self.village.empty

    def locate(self) -> LocatedRow[Episode]:
        return find_episode(self.village.stage.session, self.key)

    def accept_takes(self, *scenes: uuid.UUID, **shape: Any) -> None:
        for scene in scenes or self.scenes:
            take = self.village.stage.render_and_accept(scene)
            take.probe = TAKE_SHAPE | shape
        self.village.stage.session.flush()

    def edit_scene(self, scene: uuid.UUID, **fields: Any) -> None:
        self.village.edit(Kind.SCENES, scene, **fields)

    def cut(self, **content: Any) -> EpisodeCut:
        """Set the cut and plan it."""
        self.village.edit(Kind.EPISODES, self.key, cut=content)
        return plan_cut(self.village.stage.session, self.locate())


@pytest.fixture
def stage(session: Session, tmp_path: Path) -> EpisodeStage:
    village = build_village(session, tmp_path)
    key = village.stage.story.put(Kind.EPISODES, episode_number=1, title="Rain", synopsis="It rains")
    stage = EpisodeStage(village, key)
    for scene in stage.scenes:
        stage.edit_scene(scene, episode_key=str(key))
    return stage


@dataclass(frozen=True)
class GoldenFilm:
    material: Material
    cut: EpisodeCut
    path: Path
    cache: Path
    result: AssemblyResult
    shares: tuple[float, ...]


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="session")
def golden(material: Material, tmp_path_factory: pytest.TempPathFactory) -> GoldenFilm:
    folder = tmp_path_factory.mktemp("golden")
    cut = golden_cut(material)
    shares: list[float] = []
    result = assemble(cut, folder / "film.mp4", folder / "cache", progress=shares.append)
    return GoldenFilm(material, cut, folder / "film.mp4", folder / "cache", result, tuple(shares))
