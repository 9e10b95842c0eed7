"""Concurrent edits, render requests and ends of jobs."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import select

from db.engine import SessionFactory
from db.models.jobs import ProductionJob, QualityMetrics
from db.models.rendering import Asset
from db.models.scenes import Scene
from tests.concurrency import run_concurrently
from tests.tower.scene_takes import ANIMATIC_SETTINGS, ANIMATIC_STUDIO
from tests.tower.story_fixture import VillageStory, build_village
from tower.review.acceptance import accept_take
from tower.shots.scene_jobs import open_scene_job
from tower.staleness import report
from tower.staleness.rendering import open_stale_renders
from tower.versions import branches, editing
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind


def build_committed_village(sessions: SessionFactory, folder: Path) -> VillageStory:
    """A committed village with accepted takes."""
    with sessions.begin() as session:
        return build_village(session, folder).accept_all_takes()


def edit(session: Any, village: VillageStory, key: uuid.UUID, kind: Kind, fields: dict[str, Any] | None) -> None:
    project_id = village.stage.story.project_id
    commit_options = {"branch": "main", "message": "an edit", "author": "tests"}
    editing.commit_edits(session, project_id=project_id, edits=[EntityEdit(kind, key, fields)], **commit_options)


def test_concurrent_requests_open_one_job_per_scene(sessions: SessionFactory, tmp_path: Path) -> None:
    village = build_committed_village(sessions, tmp_path)
    with sessions.begin() as session:
        edit(session, village, village.kai, Kind.CHARACTERS, {"visual_traits": {"coat": "red"}})

    def ask(session: Any) -> None:
        open_stale_renders(
            session, branches.find(session, village.stage.story.project_id, "main"), studio=ANIMATIC_STUDIO
        )

    run_concurrently(sessions, *[ask] * 4)
    with sessions() as session:
        rows = session.scalars(select(ProductionJob.scene_id).where(ProductionJob.ended_at.is_(None))).all()
        scene_ids = session.scalars(select(Scene.id).where(Scene.key.in_([village.alone, village.both]))).all()
    assert sorted(row for row in rows if row) == sorted(scene_ids)


def test_a_job_opened_during_an_edit_renders_one_consistent_state(sessions: SessionFactory, tmp_path: Path) -> None:
    """Its inputs are those of the commit that it names: before or after the edit, never a mixture."""
    village = build_committed_village(sessions, tmp_path)
    with sessions.begin() as session:
        scene_id = session.scalars(select(Scene.id).where(Scene.key == village.alone)).one()

    def both(session: Any) -> None:
        edit(session, village, village.kai, Kind.CHARACTERS, {"visual_traits": {"coat": "red"}})
        edit(session, village, village.alone, Kind.SCENES, {"mood": "red"})

    run_concurrently(
        sessions,
        both,
        *[lambda session: open_scene_job(session, session.get_one(Scene, scene_id), settings=ANIMATIC_SETTINGS)] * 4,
    )
    with sessions() as session:
        jobs = session.scalars(select(ProductionJob).where(ProductionJob.ended_at.is_(None))).all()
        states = {(job.commit_hash, *rendered_values(job)) for job in jobs}
    assert len(jobs) == 4
    assert {state[1:] for state in states} <= {("black", None), ("red", "red")}
    assert len({state[0] for state in states}) == len(states)


def rendered_values(job: ProductionJob) -> tuple[str, str | None]:
    parts = job.steps["scene"]["parts"]
    return parts["characters"][0]["visual_traits"]["coat"], parts["scene"]["mood"]


def test_a_take_is_accepted_during_edits_and_deletes_of_its_scene(sessions: SessionFactory, tmp_path: Path) -> None:
    village = build_committed_village(sessions, tmp_path)
    keys = [village.alone, village.both, village.empty]
    with sessions.begin() as session:
        for key in keys:
            edit(session, village, key, Kind.SCENES, {"mood": "tense"})
        rows = {row.key: row for row in session.scalars(select(Scene))}
        jobs_by_scene = {key: open_scene_job(session, rows[key], settings=ANIMATIC_SETTINGS).id for key in keys}
        takes = {key: rows[key].accepted_asset_id for key in keys}
        session.add_all(
            [QualityMetrics(job_id=job_id, score=8, passed=True, metrics=[]) for job_id in jobs_by_scene.values()]
        )

    def accept(session: Any, key: uuid.UUID) -> None:
        job, take = session.get_one(ProductionJob, jobs_by_scene[key]), session.get_one(Asset, takes[key])
        accept_take(session, job, take, settings=ANIMATIC_SETTINGS)
        job.step = "accepted"  # A job is written after its scene, as at its end.

    run_concurrently(
        sessions,
        *[lambda session, key=key: accept(session, key) for key in keys],
        lambda session: edit(session, village, village.alone, Kind.SCENES, {"video_path": "/media/mine.mp4"}),
        lambda session: edit(session, village, village.both, Kind.SCENES, None),
        lambda session: edit(session, village, village.empty, Kind.SCENES, {"mood": "calm"}),
    )
    with sessions() as session:
        stage = village.stage
        branch = branches.find(session, stage.story.project_id, "main")
        branch_report = report.report_branch(session, branch, ANIMATIC_SETTINGS)
        scenes_by_key = {row.key: row for row in session.scalars(select(Scene))}
    assert village.both not in scenes_by_key
    assert scenes_by_key[village.alone].video_path == "/media/mine.mp4"
    assert scenes_by_key[village.alone].accepted_fingerprint is None
    assert [scene_state.scene.key for scene_state in branch_report.stale] == [village.empty]
