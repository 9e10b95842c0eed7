"""Two characters and three scenes, with short methods to edit them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.models.projects import ProjectSettings
from tests.tower.scene_takes import SceneStage
from tests.tower.versions.story import create_story
from tower.staleness import affected
from tower.staleness.affected import AffectedEntities
from tower.versions.kinds import Kind


@dataclass(frozen=True)
class VillageStory:
    """Two characters and three scenes: one with Kai, one with Kai and Rei, one without characters."""

    stage: SceneStage
    kai: uuid.UUID
    rei: uuid.UUID
    alone: uuid.UUID
    both: uuid.UUID
    empty: uuid.UUID

    @property
    def production_settings(self) -> ProjectSettings:
        return self.stage.session.get_one(ProjectSettings, self.stage.story.project_id)

    def accept_all_takes(self) -> VillageStory:
        """Accept takes for all three scenes."""
        for scene in (self.alone, self.both, self.empty):
            self.stage.render_and_accept(scene)
        assert self.stage.find_stale() == {}
        return self

    def edit(self, kind: Kind, key: uuid.UUID, branch: str = "main", **fields: Any) -> Any:
        return self.stage.story.put(kind, branch, key=key, **fields)

    def stale_reasons(self, scene: uuid.UUID, branch: str = "main") -> list[tuple[str, str | None, str, Any, Any]]:
        reasons = self.stage.find_stale(branch).get(scene, [])
        return [(reason.kind, reason.name, reason.field, reason.was, reason.now) for reason in reasons]

    def stale_scenes_after(self, edited: AffectedEntities) -> list[int]:
        """The stale scenes that the answer of this edit lists."""
        stage, owner = self.stage, {"project_id": self.stage.story.project_id}
        return affected.stale_scene_ids(stage.session, stage.find_branch().id, edited, settings=stage.settings, **owner)


def build_village(session: Session, folder: Path) -> VillageStory:
    story = create_story(session)
    session.add(ProjectSettings(project_id=story.project_id))
    coat = {"hair": "silver", "coat": "black"}
    kai = story.put(Kind.CHARACTERS, name="Kai Nakamura", description="A detective", visual_traits=coat)
    rei = story.put(Kind.CHARACTERS, name="Rei", visual_description="small, red scarf")
    cast = {
        "alone": [{"name": "Kai", "key": str(kai)}],
        "both": [{"name": "Kai", "key": str(kai)}, {"name": "Rei", "key": str(rei)}],
        "empty": [],
    }
    scenes = {
        name: story.put(Kind.SCENES, scene_number=number, description=f"Rain over {name}", characters=playing)
        for number, (name, playing) in enumerate(cast.items(), start=1)
    }
    return VillageStory(SceneStage(story, folder), kai, rei, **scenes)
