"""Accept the take that a scene shows, automatically or by a person, and withdraw it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.characters import Character, CharacterAppearance
from db.models.jobs import ProductionJob, QualityMetrics
from db.models.rendering import Asset, RenderSegment
from db.models.scenes import Scene, SceneStatus
from db.models.versions import Branch, Commit
from tower.pages import Page, PageRequest, fetch_page
from tower.rendering.engine_choice import graph_engine_names
from tower.rendering.segments import read_clip_form
from tower.rendering.takes import check_take
from tower.settings import Settings
from tower.shots.fingerprint_inputs import EngineInputs, FingerprintInputs, WorkflowInputs
from tower.shots.scene_jobs import SceneSnapshot, read_job_cast, read_scene_snapshot
from tower.staleness.accepted_takes import is_stale
from tower.versions import editing, trees
from tower.versions.kinds import Kind
from tower.versions.objects import ObjectStore


@dataclass(frozen=True)
class AcceptanceResult:
    """Whether a take was accepted for its scene. `reason` is one sentence."""

    accepted: bool
    reason: str


def accept_take(session: Session, job: ProductionJob, take: Asset, *, settings: Settings) -> AcceptanceResult:
    """Accept the final take of a scene's job if it passed its quality check and the scene needs a take.

    A scene needs a take if it has none or its accepted take is stale. Call this before completing the job, in the same
    transaction, as the scene must be locked before the job. A second call changes nothing. The caller commits.
    """
    state = read_scene_snapshot(job)
    scene = None if job.scene_id is None else _lock_scene(session, job.scene_id)
    if state is None or scene is None:
        return AcceptanceResult(False, "The job does not render a scene, or its scene was deleted")
    metrics = session.get(QualityMetrics, job.id, populate_existing=True)
    if metrics is None or not metrics.passed:
        if scene.status == SceneStatus.DRAFT:
            scene.status = SceneStatus.GENERATED
        return AcceptanceResult(False, "The take did not pass its quality check")
    if scene.accepted_fingerprint is None and scene.video_path is not None:
        return AcceptanceResult(False, "The scene has a video set by the user")
    if scene.accepted_fingerprint is not None and not is_stale(session, scene, settings):
        return AcceptanceResult(False, "The scene's accepted take is up to date")
    _accept(session, scene, job, take, state, status=SceneStatus.RENDERED)
    return AcceptanceResult(True, "It passed its quality check, and the scene needed a take")


def approve_take(session: Session, take: Asset, *, scene_id: int | None, author: str) -> Scene | None:
    """Make the take the accepted one of its scene, replacing another take or the user's own video.

    The scene is that of the job, or the same scene on another branch (`scene_id`). Returns None if the take was not
    rendered for this scene. Raises TakeLostError if the file is missing or damaged.
    """
    job = None if take.job_id is None else session.get(ProductionJob, take.job_id)
    state = None if job is None else read_scene_snapshot(job)
    target_id = scene_id or (job and job.scene_id)
    if job is None or state is None or not target_id:
        return None
    scene = session.get(Scene, target_id)
    if scene is None or str(scene.key) != state.key or not _is_whole_shot(session, take, job):
        return None
    check_take(take)
    if scene.accepted_fingerprint is None and scene.video_path is not None:
        _remove_own_video(session, scene, take, author)
    scene = _lock_scene(session, target_id)
    if scene is not None:
        _accept(session, scene, job, take, state, status=SceneStatus.FINAL)
    return scene


def withdraw_take(session: Session, take: Asset, *, scene_id: int | None = None) -> list[int]:
    """Withdraw a take from one scene, or from all without `scene_id`, and return the ids of scenes that showed it."""
    showing = select(Scene).where(Scene.accepted_asset_id == take.id).order_by(Scene.id)
    if scene_id is not None:
        showing = showing.where(Scene.id == scene_id)
    scenes = session.scalars(showing.with_for_update().execution_options(populate_existing=True)).all()
    for scene in scenes:
        scene.accepted_asset_id = scene.accepted_fingerprint = scene.accepted_inputs = scene.video_path = None
        scene.status = SceneStatus.GENERATED
    session.flush()
    return [scene.id for scene in scenes]


def record_appearances(session: Session, take: Asset, job: ProductionJob) -> None:
    """Record the characters in a take, with their versions. A take without a project is skipped."""
    cast, state = read_job_cast(job), read_scene_snapshot(job)
    if take.project_id is None or not cast.known:
        return
    ids = [character.id for character in cast.known]
    existing = set(session.scalars(select(Character.id).where(Character.id.in_(ids))))
    hashes = _character_hashes(session, job, [character.key for character in cast.known])
    rows = [
        {
            "project_id": take.project_id,
            "asset_id": take.id,
            "character_id": character.id if character.id in existing else None,
            "character_key": character.key,
            "character_name": character.name,
            "character_version": character.version,
            "character_hash": hashes.get(character.key),
            "scene_key": None if state is None else uuid.UUID(state.key),
        }
        for character in cast.known
    ]
    session.execute(insert(CharacterAppearance).values(rows).on_conflict_do_nothing())


def list_appearances(
    session: Session, project_id: int, key: uuid.UUID, *, page_request: PageRequest
) -> Page[CharacterAppearance]:
    """List the takes that show this character, newest first."""
    rows = select(CharacterAppearance).filter_by(project_id=project_id, character_key=key)
    return fetch_page(session, rows, CharacterAppearance.id, page=page_request, newest_first=True)


def _accept(
    session: Session, scene: Scene, job: ProductionJob, take: Asset, state: SceneSnapshot, *, status: SceneStatus
) -> None:
    inputs = _with_actual_engine(session, job, state.parts, take.provenance)
    scene.accepted_asset_id = take.id
    scene.accepted_fingerprint = inputs.fingerprint
    scene.accepted_inputs = {"wish": state.wish.as_json(), "parts": inputs.as_json()}
    scene.video_path = take.path
    scene.status = status
    session.flush()
    record_appearances(session, take, job)


def _with_actual_engine(
    session: Session, job: ProductionJob, inputs: FingerprintInputs, provenance: dict[str, Any]
) -> FingerprintInputs:
    """Return the inputs with the engine that rendered the take, which may differ from the one planned for the job."""
    engine = EngineInputs(name=provenance["engine"], version=provenance["engine_version"])
    if engine.name == inputs.engine.name:
        return inputs.model_copy(update={"engine": engine})
    graph = _first_graph(session, job) if engine.name in graph_engine_names() else None
    return inputs.model_copy(update={"engine": engine, "workflow": WorkflowInputs.from_graph(graph) if graph else None})


def _first_graph(session: Session, job: ProductionJob) -> Any:
    """Return the graph of the job's first round, as later rounds of the quality loop may change it."""
    first = select(RenderSegment.shot).filter_by(job_id=job.id, segment=1, round=1)
    shot = session.scalar(first.order_by(RenderSegment.attempt.desc()).limit(1))
    return None if shot is None else shot["graph"]


def _is_whole_shot(session: Session, take: Asset, job: ProductionJob) -> bool:
    """Whether the take is the whole shot and not one of its segments, by its count of frames."""
    frames = take.probe.get("frames")
    return frames is None or frames == read_clip_form(session, job).frames


def _remove_own_video(session: Session, scene: Scene, take: Asset, author: str) -> None:
    """Remove the video that the user set. It is content, so this is an edit."""
    branch = session.get_one(Branch, scene.branch_id)
    editing.commit_edits(
        session,
        project_id=scene.project_id,
        branch=branch.name,
        edits=[editing.EntityEdit(Kind.SCENES, scene.key, {"video_path": None})],
        message=f"Approved take {take.id} instead of {scene.video_path}",
        author=author,
    )


def _character_hashes(session: Session, job: ProductionJob, keys: list[uuid.UUID]) -> dict[uuid.UUID, str | None]:
    """Return the version objects of these characters in the commit that the job renders; {} without a commit."""
    if job.commit_hash is None or job.project_id is None:
        return {}
    commit = select(Commit.tree_hash).where(Commit.project_id == job.project_id, Commit.hash == job.commit_hash)
    tree = session.scalar(commit)
    if tree is None:
        return {}
    found = trees.find_entities(ObjectStore(session, job.project_id), tree, [(Kind.CHARACTERS, key) for key in keys])
    return {key: sha256 for (_, key), sha256 in found.items()}


def _lock_scene(session: Session, scene_id: int) -> Scene | None:
    return session.get(Scene, scene_id, with_for_update=True, populate_existing=True)
