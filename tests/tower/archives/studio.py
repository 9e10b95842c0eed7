"""A project with a row in every table that an archive carries, and real files on a disk of its own."""

from __future__ import annotations

import hashlib
import uuid
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from db.engine import Sessions
from db.models import METADATA
from db.models.characters import Character, CharacterAppearance
from db.models.culture import CheckedKind, CulturalElement, CulturalValidation, Finding
from db.models.episodes import Episode, EpisodeStatus
from db.models.jobs import JobStatus, JobType, ProductionJob, QualityMetrics
from db.models.music import MusicSceneSync
from db.models.preferences import PreferenceSource, UserCreativePreference
from db.models.rendering import Asset, AssetKind, QualityAssessment, QualityStage, RenderSegment, SegmentState
from db.models.review import FeedbackKind
from db.models.scenes import Scene, SceneStatus
from db.models.schedule import ProductionSchedule, ScheduleState
from db.models.story import FactKind, StorylineContext, StoryTimeline
from tower.review import feedback
from tower.review.feedback import Opinion
from tower.settings import Settings
from tower.story import projects
from tower.versions import branches, editing, tags
from tower.versions.editing import Edit
from tower.versions.kinds import BIBLE_KEY, Kind
from tower.versions.merge import branches as merging
from tower.versions.refs import MAIN

Members = dict[str, bytes]

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@dataclass(frozen=True)
class Studio:
    """A database and a data folder with projects in it."""

    sessions: Sessions
    settings: Settings

    def media(self, name: str, content: bytes) -> str:
        """A file of the user's own."""
        path = self.settings.media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def render(self, content: bytes) -> tuple[str, str]:
        """A take as it is kept: path and sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.settings.renders / sha256[:2] / f"{sha256}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path), sha256

    def scalar(self, statement: str, **given: Any) -> Any:
        with self.sessions() as session:
            return session.scalar(text(statement), given)

    def count(self, table: str, project_id: int) -> int:
        count: int = self.scalar(f"select count(*) from {table} where project_id = :id", id=project_id)
        return count


def a_take(studio: Studio, session: Session, project_id: int | None, content: bytes) -> Asset:
    """A completed job of the project, and the take that it made."""
    path, sha256 = studio.render(content)
    job = ProductionJob(
        project_id=project_id,
        job_type=JobType.STANDARD,
        status=JobStatus.PROCESSING,
        prompt="a detective in neon rain",
        parameters={"prompt": "a detective in neon rain", "project_id": project_id, "fps": 24, "duration_s": 2.5},
        steps={},
        warnings=["a warning"],
        comfyui_job_id=uuid.uuid4(),
        seed=7,
    )
    session.add(job)
    session.flush()
    asset = Asset(
        kind=AssetKind.VIDEO,
        path=path,
        sha256=sha256,
        bytes=len(content),
        probe={"frames": 24, "fps": 24.0},
        provenance={"engine": "animatic", "engine_version": "1", "fingerprint": "f" * 64, "prompt_id": "x"},
        project_id=project_id,
        job_id=job.id,
    )
    session.add(asset)
    session.flush()
    job.status, job.output_asset_id, job.output_path = JobStatus.COMPLETED, asset.id, path
    job.progress, job.quality_score, job.ended_at, job.launch_after = 1.0, 8.25, WHEN, None
    session.flush()
    return asset


def a_project(studio: Studio, *, name: str = "Neon rain") -> int:
    """The whole of it. Returns the project's id."""
    with studio.sessions.begin() as session:
        project = projects.create(session, {"name": name, "details": {"genre": "noir", "蝶": 1.5}}, {"fps": 24})
        project_id = project.id
        _written_story(studio, session, project_id)
        _produced(studio, session, project_id)
    return project_id


def _edit(session: Session, project_id: int, *edits: Edit, branch: str = MAIN, message: str = "An edit") -> None:
    editing.commit(session, project_id=project_id, branch=branch, edits=edits, message=message, author="tests")


def _written_story(studio: Studio, session: Session, project_id: int) -> None:
    image = studio.media("kai.png", b"silver hair")
    video = studio.media("clips/opening.mp4", b"a film of the user's own")
    kai, episode, scenes = uuid.uuid4(), uuid.uuid4(), [uuid.uuid4() for _ in range(3)]
    _edit(
        session,
        project_id,
        Edit(Kind.CHARACTERS, kai, {"name": "Kai", "image_path": image, "visual_traits": {"hair": "silver"}}),
        Edit(Kind.BIBLE, BIBLE_KEY, {"title": "Bible", "description": "All of it"}),
        Edit(Kind.BIBLE_CHARACTERS, uuid.uuid4(), {"name": "Kai", "bible_key": str(BIBLE_KEY), "description": "He"}),
        Edit(Kind.EPISODES, episode, {"episode_number": 1, "title": "The Beginning"}),
        Edit(Kind.STYLES, uuid.uuid4(), {"name": "noir", "prompt": "high contrast"}),
        Edit(Kind.STORY_ARCS, uuid.uuid4(), {"name": "Fall", "episode_keys": [str(episode)]}),
        *(
            Edit(Kind.SCENES, key, {"scene_number": at, "description": f"Scene {at} – 雨", "duration_s": 2.5})
            for at, key in enumerate(scenes, start=1)
        ),
    )
    _edit(session, project_id, Edit(Kind.SCENES, scenes[2], {"video_path": video}), message="A video of mine")
    session.add_all(_timeline(session, project_id, scenes[0]))
    session.flush()
    branches.create(session, project_id, "dark", description="Another ending")
    gone = studio.media("lost.png", b"will be lost")
    _edit(session, project_id, Edit(Kind.CHARACTERS, kai, {"role": "hero", "image_path": gone}), branch="dark")
    _edit(session, project_id, Edit(Kind.SCENES, scenes[0], {"mood": "calm"}))
    merging.merge(session, project_id=project_id, source="dark", target=MAIN, message="dark into main", author="tests")
    _edit(session, project_id, Edit(Kind.CHARACTERS, kai, {"image_path": image}), message="The old picture")
    _edit(session, project_id, Edit(Kind.SCENES, scenes[1], {"mood": "dark"}), branch="dark")
    tags.create(session, project_id, "v1", MAIN, author="tests", message="First")
    Path(gone).unlink()


def _timeline(session: Session, project_id: int, scene_key: uuid.UUID) -> list[Any]:
    branch = branches.find(session, project_id, MAIN)
    place = {"project_id": project_id, "branch_id": branch.id}
    event = StoryTimeline(**place, key=uuid.uuid4(), position=1, title="It rains", scene_key=scene_key)
    fact = StorylineContext(
        **place, event_key=event.key, kind=FactKind.WORLD, subject="the city", statement="It never dries."
    )
    return [event, fact]


def _produced(studio: Studio, session: Session, project_id: int) -> None:
    first = a_take(studio, session, project_id, b"the first take" * 1000)
    second = a_take(studio, session, project_id, b"the second take" * 1000)
    second.provenance = second.provenance | {
        "reused_from_asset": first.id,
        "joined_from_assets": [first.id],
        "track_id": 7,
    }
    branch = branches.find(session, project_id, MAIN)
    on_main = select(Scene).where(Scene.branch_id == branch.id).order_by(Scene.scene_number)
    scene = session.scalars(on_main).first()
    assert scene is not None
    session.execute(
        update(Scene)
        .where(Scene.id == scene.id)
        .values(
            accepted_asset_id=first.id,
            accepted_fingerprint="f" * 64,
            video_path=first.path,
            status=SceneStatus.RENDERED,
        )
    )
    session.execute(
        update(Episode)
        .where(Episode.branch_id == branch.id)
        .values(status=EpisodeStatus.COMPLETED, asset_id=second.id, video_path=second.path, duration_s=2.5)
    )
    session.expire_all()
    feedback.give(session, Opinion(first.id, FeedbackKind.APPROVAL, "tests", reason="good", scene_id=scene.id))
    feedback.give(session, Opinion(second.id, FeedbackKind.RATING, "tests", rating=4))
    kai = session.scalars(select(Character).where(Character.branch_id == branch.id)).one()
    session.execute(
        update(ProductionJob)
        .where(ProductionJob.id == first.job_id)
        .values(scene_id=scene.id, commit_hash="c" * 64, steps=_steps(first, scene, kai))
    )
    session.add_all(_reviewed(studio, session, project_id, first, scene))
    session.flush()


def _steps(take: Asset, scene: Scene, kai: Character) -> dict[str, Any]:
    member: dict[str, Any] = {"name": "Kai", "description": "", "traits": {}, "reference_image": kai.image_path}
    known = [{"id": kai.id, "key": str(kai.key), "name": "Kai", "version": kai.version}]
    return {
        "cast": {"members": [member], "character_id": kai.id, "known": known},
        "scene": {"key": str(scene.key), "wish": {}, "parts": {"seed": 7}},
        "join": {"asset_id": take.id, "path": take.path},
    }


def _reviewed(studio: Studio, session: Session, project_id: int, take: Asset, scene: Scene) -> list[Any]:
    kai = session.scalars(select(Character).where(Character.project_id == project_id).order_by(Character.id)).first()
    assert kai is not None
    assert take.job_id is not None
    umbrella = CulturalElement(project_id=project_id, name="Wagasa", category="clothing", rule="Paper, not plastic.")
    session.add(umbrella)
    built_in = session.scalars(select(CulturalElement).where(CulturalElement.project_id.is_(None))).first()
    assert built_in is not None
    assessed = {"job_id": take.job_id, "asset_id": take.id, "attempt": 1, "stage": QualityStage.TECHNICAL}
    assessment = QualityAssessment(**assessed, score=8.25, passed=True, metrics=[{"name": "blur"}], seconds=0.25)
    session.add(assessment)
    session.flush()
    said = {"check_id": uuid.uuid4(), "project_id": project_id, "kind": CheckedKind.SCENE, "scene_key": scene.key}
    return [
        QualityMetrics(job_id=take.job_id, assessment_id=assessment.id, score=8.25, passed=True, metrics=[]),
        RenderSegment(
            job_id=take.job_id,
            segment=1,
            attempt=1,
            state=SegmentState.COMPLETED,
            prompt_id=uuid.uuid4(),
            engine="animatic",
            engine_version="1",
            shot={"prompt": "rain", "cfg": 8.0},
            fingerprint="f" * 64,
            progress=1.0,
            asset_id=take.id,
        ),
        MusicSceneSync(
            scene_id=scene.id,
            audio_path=studio.media("music/theme.mp3", b"a theme"),
            bpm=120.5,
            output_asset_id=take.id,
        ),
        CharacterAppearance(
            project_id=project_id,
            asset_id=take.id,
            character_id=kai.id,
            character_key=kai.key,
            character_name="Kai",
            character_version=1,
        ),
        *(
            CulturalValidation(**said, text="rain", element_id=one.id, element_name=one.name, finding=Finding.FOLLOWED)
            for one in (umbrella, built_in)
        ),
        *(
            ProductionSchedule(
                project_id=project_id,
                branch_id=scene.branch_id,
                scene_key=scene.key,
                parameters={"project_id": project_id, "scene_id": scene.id},
                start_at=WHEN + timedelta(days=1),
                state=state,
                job_id=take.job_id,
            )
            for state in (ScheduleState.PLANNED, ScheduleState.STARTED)
        ),
        UserCreativePreference(
            project_id=project_id,
            kind="mood",
            name="melancholic",
            preference={"style": "noir"},
            source=PreferenceSource.SET,
        ),
    ]


def rows_of(studio: Studio, model: type[Any], project_id: int) -> list[Any]:
    with studio.sessions() as session:
        return list(session.scalars(select(model).where(model.project_id == project_id).order_by(model.id)))


def everything(studio: Studio) -> dict[str, int]:
    """How many rows each table has: to see that nothing was changed."""
    with studio.sessions() as session:
        return {
            name: session.scalar(text(f"select count(*) from {name}")) or 0
            for name in METADATA.tables
            if session.scalar(text("select to_regclass(:name)"), {"name": name})
        }


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def members_of(archive: Path) -> Members:
    with zipfile.ZipFile(archive) as file:
        return {info.filename: file.read(info) for info in file.infolist()}
