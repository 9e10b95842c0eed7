"""Two takes of a project, one accepted for its first scene."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.episodes import Episode, EpisodeStatus
from db.models.jobs import JobStatus, JobType, ProductionJob
from db.models.rendering import Asset, AssetKind
from db.models.review import FeedbackKind
from db.models.scenes import Scene, SceneStatus
from tests.tower.archives.studio import Studio
from tests.tower.archives.take_rows import build_take_rows
from tower.review import feedback
from tower.review.feedback import FeedbackInput
from tower.versions import branches
from tower.versions.refs import MAIN

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def insert_take(studio: Studio, session: Session, project_id: int | None, content: bytes) -> Asset:
    """Insert a completed job of the project and its take."""
    path, sha256 = studio.write_take(content)
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


def insert_production(studio: Studio, session: Session, project_id: int) -> None:
    first = insert_take(studio, session, project_id, b"the first take" * 1000)
    second = insert_take(studio, session, project_id, b"the second take" * 1000)
    second.provenance = second.provenance | {
        "reused_from_asset": first.id,
        "joined_from_assets": [first.id],
        "track_id": 7,
    }
    branch = branches.find(session, project_id, MAIN)
    on_main = select(Scene).where(Scene.branch_id == branch.id).order_by(Scene.scene_number)
    scene = session.scalars(on_main).first()
    assert scene is not None
    _accept(session, scene, first)
    _complete(session, branch.id, second)
    session.expire_all()
    feedback.submit_feedback(
        session, FeedbackInput(first.id, FeedbackKind.APPROVAL, "tests", reason="good", scene_id=scene.id)
    )
    feedback.submit_feedback(session, FeedbackInput(second.id, FeedbackKind.RATING, "tests", rating=4))
    kai = session.scalars(select(Character).where(Character.branch_id == branch.id)).one()
    session.execute(
        update(ProductionJob)
        .where(ProductionJob.id == first.job_id)
        .values(scene_id=scene.id, commit_hash="c" * 64, steps=_steps(first, scene, kai))
    )
    session.add_all(build_take_rows(studio, session, project_id, take=first, scene=scene))
    session.flush()


def _steps(take: Asset, scene: Scene, kai: Character) -> dict[str, Any]:
    member: dict[str, Any] = {"name": "Kai", "description": "", "traits": {}, "reference_image": kai.image_path}
    known = [{"id": kai.id, "key": str(kai.key), "name": "Kai", "version": kai.version}]
    return {
        "cast": {"members": [member], "character_id": kai.id, "known": known},
        "scene": {"key": str(scene.key), "wish": {}, "parts": {"seed": 7}},
        "join": {"asset_id": take.id, "path": take.path},
    }


def _accept(session: Session, scene: Scene, take: Asset) -> None:
    accepted = {"accepted_asset_id": take.id, "accepted_fingerprint": "f" * 64, "video_path": take.path}
    session.execute(update(Scene).where(Scene.id == scene.id).values(**accepted, status=SceneStatus.RENDERED))


def _complete(session: Session, branch_id: int, film: Asset) -> None:
    columns = {"asset_id": film.id, "video_path": film.path, "duration_s": 2.5}
    session.execute(
        update(Episode).where(Episode.branch_id == branch_id).values(**columns, status=EpisodeStatus.COMPLETED)
    )
