"""A project with a row in every table that an archive carries, and real files."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.models.story import FactKind, StorylineContext, StoryTimeline
from tests.tower.archives.produced import insert_production
from tests.tower.archives.studio import Studio
from tower.story import projects
from tower.versions import branches, editing, tags
from tower.versions.editing import EntityEdit
from tower.versions.kinds import BIBLE_KEY, Kind
from tower.versions.merge import branches as merging
from tower.versions.refs import MAIN


def insert_whole_project(studio: Studio, *, name: str = "Neon rain") -> int:
    """Insert the whole project; return its id."""
    with studio.sessions.begin() as session:
        project = projects.create_project(session, {"name": name, "details": {"genre": "noir", "蝶": 1.5}}, {"fps": 24})
        project_id = project.id
        _written_story(studio, session, project_id)
        insert_production(studio, session, project_id)
    return project_id


def _edit(session: Session, project_id: int, *edits: EntityEdit, branch: str = MAIN, message: str = "An edit") -> None:
    editing.commit_edits(session, project_id=project_id, branch=branch, edits=edits, message=message, author="tests")


def _written_story(studio: Studio, session: Session, project_id: int) -> None:
    image = studio.write_media("kai.png", b"silver hair")
    video = studio.write_media("clips/opening.mp4", b"a film of the user's own")
    kai, episode, scenes = uuid.uuid4(), uuid.uuid4(), [uuid.uuid4() for _ in range(3)]
    _edit(
        session,
        project_id,
        EntityEdit(Kind.CHARACTERS, kai, {"name": "Kai", "image_path": image, "visual_traits": {"hair": "silver"}}),
        EntityEdit(Kind.BIBLE, BIBLE_KEY, {"title": "Bible", "description": "All of it"}),
        EntityEdit(
            Kind.BIBLE_CHARACTERS, uuid.uuid4(), {"name": "Kai", "bible_key": str(BIBLE_KEY), "description": "He"}
        ),
        EntityEdit(Kind.EPISODES, episode, {"episode_number": 1, "title": "The Beginning"}),
        EntityEdit(Kind.STYLES, uuid.uuid4(), {"name": "noir", "prompt": "high contrast"}),
        EntityEdit(Kind.STORY_ARCS, uuid.uuid4(), {"name": "Fall", "episode_keys": [str(episode)]}),
        *(
            EntityEdit(
                Kind.SCENES,
                key,
                {"scene_number": scene_number, "description": f"Scene {scene_number} – 雨", "duration_s": 2.5},
            )
            for scene_number, key in enumerate(scenes, start=1)
        ),
    )
    _edit(session, project_id, EntityEdit(Kind.SCENES, scenes[2], {"video_path": video}), message="A video of mine")
    session.add_all(_timeline(session, project_id, scenes[0]))
    session.flush()
    branches.create(session, project_id, "dark", description="Another ending")
    lost_image = studio.write_media("lost.png", b"will be lost")
    _edit(
        session, project_id, EntityEdit(Kind.CHARACTERS, kai, {"role": "hero", "image_path": lost_image}), branch="dark"
    )
    _edit(session, project_id, EntityEdit(Kind.SCENES, scenes[0], {"mood": "calm"}))
    merging.merge_branch(
        session, project_id=project_id, source="dark", target=MAIN, message="dark into main", author="tests"
    )
    _edit(session, project_id, EntityEdit(Kind.CHARACTERS, kai, {"image_path": image}), message="The old picture")
    _edit(session, project_id, EntityEdit(Kind.SCENES, scenes[1], {"mood": "dark"}), branch="dark")
    tags.create(session, project_id, "v1", MAIN, author="tests", message="First")
    Path(lost_image).unlink()


def _timeline(session: Session, project_id: int, scene_key: uuid.UUID) -> list[Any]:
    branch = branches.find(session, project_id, MAIN)
    owner = {"project_id": project_id, "branch_id": branch.id}
    event = StoryTimeline(**owner, key=uuid.uuid4(), position=1, title="It rains", scene_key=scene_key)
    fact = StorylineContext(
        **owner, event_key=event.key, kind=FactKind.WORLD, subject="the city", statement="It never dries."
    )
    return [event, fact]
