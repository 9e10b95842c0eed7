"""Rows of every table that refers to a take and its scene."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.characters import Character, CharacterAppearance
from db.models.culture import CheckedKind, CulturalElement, CulturalFinding, CulturalValidation
from db.models.jobs import QualityMetrics
from db.models.music import MusicSceneSync
from db.models.preferences import PreferenceSource, UserCreativePreference
from db.models.rendering import Asset, QualityAssessment, QualityStage, RenderSegment, SegmentState
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule, ScheduleState
from tests.tower.archives.studio import Studio

TOMORROW = datetime(2026, 1, 3, 3, 4, 5, 678901, tzinfo=UTC)


def build_take_rows(studio: Studio, session: Session, project_id: int, *, take: Asset, scene: Scene) -> list[Any]:
    """Return the rows. Only the scored attempt is already added."""
    music = studio.write_media("music/theme.mp3", b"a theme")
    preference = {"kind": "mood", "name": "melancholic", "preference": {"style": "noir"}}
    return [
        _metrics(session, take),
        _segment(take),
        MusicSceneSync(scene_id=scene.id, audio_path=music, bpm=120.5, output_asset_id=take.id),
        _appearance(session, project_id, take),
        *_cultural_checks(session, project_id, scene),
        *(_plan(project_id, take, scene, state) for state in (ScheduleState.PLANNED, ScheduleState.STARTED)),
        UserCreativePreference(project_id=project_id, source=PreferenceSource.SET, **preference),
    ]


def _metrics(session: Session, take: Asset) -> QualityMetrics:
    assessed = {"job_id": take.job_id, "asset_id": take.id, "attempt": 1, "stage": QualityStage.TECHNICAL}
    assessment = QualityAssessment(**assessed, score=8.25, passed=True, metrics=[{"name": "blur"}], seconds=0.25)
    session.add(assessment)
    session.flush()
    return QualityMetrics(job_id=take.job_id, assessment_id=assessment.id, score=8.25, passed=True, metrics=[])


def _segment(take: Asset) -> RenderSegment:
    return RenderSegment(
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
    )


def _appearance(session: Session, project_id: int, take: Asset) -> CharacterAppearance:
    kai = session.scalars(select(Character).where(Character.project_id == project_id).order_by(Character.id)).first()
    assert kai is not None
    return CharacterAppearance(
        project_id=project_id,
        asset_id=take.id,
        character_id=kai.id,
        character_key=kai.key,
        character_name="Kai",
        character_version=1,
    )


def _cultural_checks(session: Session, project_id: int, scene: Scene) -> list[CulturalValidation]:
    umbrella = CulturalElement(project_id=project_id, name="Wagasa", category="clothing", rule="Paper, not plastic.")
    session.add(umbrella)
    session.flush()
    built_in = session.scalars(select(CulturalElement).where(CulturalElement.project_id.is_(None))).first()
    assert built_in is not None
    shared = {"check_id": uuid.uuid4(), "project_id": project_id, "kind": CheckedKind.SCENE, "scene_key": scene.key}
    return [
        CulturalValidation(
            **shared, text="rain", element_id=element.id, element_name=element.name, finding=CulturalFinding.FOLLOWED
        )
        for element in (umbrella, built_in)
    ]


def _plan(project_id: int, take: Asset, scene: Scene, state: ScheduleState) -> ProductionSchedule:
    return ProductionSchedule(
        project_id=project_id,
        branch_id=scene.branch_id,
        scene_key=scene.key,
        parameters={"project_id": project_id, "scene_id": scene.id},
        start_at=TOMORROW,
        state=state,
        job_id=take.job_id,
    )
