"""An episode of two scenes in a village of three."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import JobStatus, ProductionJob
from tests.small_media import write_video
from tests.tower.assembly.conftest import TAKE_SHAPE
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tests.tower.story_fixture import VillageStory, build_village
from tower.films.opening import FilmJob, open_film_job
from tower.films.requests import FilmRequest, RenderChoice
from tower.story.entities import LocatedRow
from tower.story.episodes import find_episode
from tower.versions.kinds import Kind


@dataclass(frozen=True)
class FilmStage:
    """Episode 3, "Rain", of the scenes `alone` and `both`."""

    village: VillageStory
    key: uuid.UUID
    folder: Path

    @property
    def session(self) -> Session:
        return self.village.stage.session

    @property
    def scenes(self) -> tuple[uuid.UUID, uuid.UUID]:
        return self.village.alone, self.village.both

    def locate(self, branch: str = "main") -> LocatedRow[Episode]:
        return find_episode(self.session, self.key, branch=branch)

    def request(self, branch: str = "main", *, render: RenderChoice = RenderChoice.STALE) -> FilmRequest:
        project_id = self.village.stage.story.project_id
        return FilmRequest(episode_key=self.key, project_id=project_id, branch=branch, render=render)

    def open_film(self, branch: str = "main", *, render: RenderChoice = RenderChoice.STALE) -> FilmJob:
        return open_film_job(self.session, ANIMATIC_STUDIO, self.locate(branch), self.request(branch, render=render))

    def edit_scene(self, scene: uuid.UUID, **fields: Any) -> None:
        self.village.edit(Kind.SCENES, scene, **fields)

    def accept_takes(self, *scenes: uuid.UUID) -> None:
        for scene in scenes or self.scenes:
            self.village.stage.render_and_accept(scene).probe = TAKE_SHAPE

    def set_own_videos(self, *, frames: int = 2) -> None:
        """Give each scene a real video."""
        for number, scene in enumerate(self.scenes):
            self.edit_scene(scene, video_path=str(write_video(self.folder / f"own-{number}.mp4", frames=frames)))

    def scene_id(self, scene: uuid.UUID) -> int:
        return self.village.stage.find_scene(scene).id

    def read_job(self, job_id: int) -> ProductionJob:
        return self.session.get_one(ProductionJob, job_id)

    def end(self, job_id: int, status: JobStatus) -> None:
        job = self.read_job(job_id)
        job.status, job.output_path, job.error_code, job.error_message = status, "/x.mp4", "RENDER_FAILED", "It broke"
        self.session.flush()


@pytest.fixture
def stage(session: Session, tmp_path: Path) -> FilmStage:
    return build_stage(session, tmp_path)


def build_stage(session: Session, folder: Path) -> FilmStage:
    village = build_village(session, folder)
    key = village.stage.story.put(Kind.EPISODES, episode_number=3, title="Rain")
    stage = FilmStage(village, key, folder)
    for scene in stage.scenes:
        stage.edit_scene(scene, episode_key=str(key))
    return stage
