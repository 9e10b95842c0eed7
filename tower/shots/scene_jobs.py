"""Opens jobs that render a scene. The job keeps everything that the picture depends on, as it is at that moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobType, ProductionJob
from db.models.review import Feedback, FeedbackKind
from db.models.scenes import Scene
from db.models.styles import StyleTemplate
from db.models.versions import Branch, Commit
from tower.jobs import lifecycle
from tower.jobs.production import prepare_decided_job
from tower.jobs.spec import EngineChoice
from tower.jobs.steps import StepResult
from tower.presets.styles import find_style
from tower.rendering.engine_choice import EngineVersion
from tower.settings import AUTO_ENGINE, Settings
from tower.shots.cast import CAST_STEP, Cast
from tower.shots.fingerprint import collect_fingerprint_inputs, current_engine, engine_for_scene
from tower.shots.fingerprint_inputs import StoredFingerprintInputs
from tower.shots.scene_sources import RenderInputs, SceneView, load_render_inputs
from tower.shots.scene_spec import RenderOverrides, StoredRenderOverrides, build_spec, find_scene_cast


@dataclass(frozen=True)
class SceneSnapshot:
    """The state of a scene that a job renders: its stable key, the requested overrides and the fingerprint inputs."""

    key: str
    wish: StoredRenderOverrides
    parts: StoredFingerprintInputs


SCENE_STEP = StepResult("scene", TypeAdapter(SceneSnapshot))


def open_scene_job(
    session: Session,
    scene: Scene,
    *,
    settings: Settings,
    quality: str | None = None,
    engine: EngineChoice = AUTO_ENGINE,
    overrides: Mapping[str, Any] | None = None,
    job_type: JobType = JobType.INTEGRATED,
) -> ProductionJob:
    """Open a job that renders the scene as it is now on its branch; later edits do not change the job.

    The branch stays locked until the caller commits. The job's steps hold cast, style and state. Without an accepted
    take, each rejected take gives the next one another seed. Raises InvalidError for a scene that cannot be rendered.
    """
    head = lock_branch(session, scene.branch_id, settings)
    session.refresh(scene)
    wish = RenderOverrides(quality, engine, dict(overrides or {}), choose_draw(session, scene))
    return lifecycle.add_job(session, prepare_scene_job(session, head, scene, wish, job_type=job_type))


def prepare_scene_job(
    session: Session,
    head: BranchHead,
    scene: Scene,
    options: RenderOverrides,
    *,
    job_type: JobType = JobType.INTEGRATED,
) -> ProductionJob:
    """The job that open_scene_job would open, which is not in the database."""
    sources = load_render_inputs(session, scene.branch_id, scene.project_id, [scene])
    return prepare_scene_job_on(sources, head, scene, options, job_type=job_type)


def choose_draw(session: Session, scene: Scene) -> int:
    """Which draw a new take of the scene is: that of its accepted take, or else one for each rejected take."""
    if scene.accepted_inputs is not None:
        return RenderOverrides.from_json(scene.accepted_inputs["wish"]).draw
    rejections = select(func.count(Feedback.asset_id.distinct())).where(
        Feedback.project_id == scene.project_id,
        Feedback.scene_key == scene.key,
        Feedback.kind == FeedbackKind.REJECTION,
    )
    return session.scalar(rejections) or 0


@dataclass(frozen=True)
class BranchHead:
    """The newest commit of a branch, and the engine for scenes without a chosen engine."""

    commit_hash: str | None
    engine: EngineVersion


def lock_branch(session: Session, branch_id: int, settings: Settings) -> BranchHead:
    """Lock the branch against other writers until the transaction ends."""
    session.execute(select(Branch.id).where(Branch.id == branch_id).with_for_update(key_share=True))
    return read_head(session, branch_id, settings)


def read_head(session: Session, branch_id: int, settings: Settings) -> BranchHead:
    return BranchHead(head_commit_hash(session, branch_id), current_engine(session, settings))


def head_commit_hash(session: Session, branch_id: int) -> str | None:
    """The hash of the newest commit of the branch; None for a branch without commits."""
    return session.scalar(select(Commit.hash).join(Branch, Branch.head_id == Commit.id).where(Branch.id == branch_id))


def prepare_scene_job_on(
    inputs: RenderInputs,
    head: BranchHead,
    scene: SceneView,
    options: RenderOverrides,
    *,
    job_type: JobType = JobType.INTEGRATED,
) -> ProductionJob:
    """Prepare a job like prepare_scene_job, with the inputs of its branch already read."""
    decided, cast = build_spec(inputs, scene, options), find_scene_cast(inputs, scene)
    fingerprint_inputs = collect_fingerprint_inputs(inputs, scene, options, engine_for_scene(options, head.engine))
    state = SceneSnapshot(str(scene.key), options, fingerprint_inputs)
    job = prepare_decided_job(inputs.session, decided, job_type=job_type)
    job.scene_id, job.commit_hash = scene.id, head.commit_hash
    job.steps = job.steps | CAST_STEP.to_entry(cast) | SCENE_STEP.to_entry(state)
    job.warnings = [cast.warning] if cast.warning else []
    return job


def read_scene_snapshot(job: ProductionJob) -> SceneSnapshot | None:
    """The state of the scene that the job was opened for; None if it has no scene or the state cannot be read."""
    return SCENE_STEP.read(job)


def read_job_cast(job: ProductionJob) -> Cast:
    """The cast of the job; empty before the character lookup."""
    return CAST_STEP.read(job) or Cast()


def find_job_style(session: Session, job: ProductionJob) -> StyleTemplate:
    """The style of the job. A scene's job keeps the style as it was when the job was opened. Raises InvalidError."""
    state = read_scene_snapshot(job)
    if state is not None:
        return StyleTemplate(**state.parts.style.model_dump(exclude_unset=True))
    spec = lifecycle.parse_spec(job)
    return find_style(session, spec.style, project_id=spec.project_id)


def live_jobs_by_scene(session: Session, scene_ids: list[int]) -> dict[int, ProductionJob]:
    """The newest live job of each scene, by scene id."""
    live = select(ProductionJob).where(ProductionJob.scene_id.in_(scene_ids), ProductionJob.status.in_(LIVE_STATUSES))
    return {job.scene_id: job for job in session.scalars(live.order_by(ProductionJob.id)) if job.scene_id is not None}
