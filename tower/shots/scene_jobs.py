"""Opens jobs that render a scene. The job keeps everything that the picture depends on, as it is at that moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.jobs import LIVE, JobType, ProductionJob
from db.models.review import Feedback, FeedbackKind
from db.models.scenes import Scene
from db.models.styles import StyleTemplate
from db.models.versions import Branch, Commit
from tower.jobs import lifecycle
from tower.jobs.spec import EngineChoice
from tower.jobs.steps import Step
from tower.presets.styles import find_style
from tower.rendering.engine_choice import EngineName
from tower.settings import AUTO, Settings
from tower.shots.cast import CAST, Cast
from tower.shots.fingerprint import engine_for_scene, engine_now, inputs_of
from tower.shots.fingerprint_inputs import StoredInputs
from tower.shots.scene_sources import Pictured, Sources, sources_of
from tower.shots.scene_spec import StoredWish, Wish, cast_of, spec_of


@dataclass(frozen=True)
class Rendered:
    """The state of a scene that a job renders: its stable key, the requested overrides and the fingerprint inputs."""

    key: str
    wish: StoredWish
    parts: StoredInputs


SCENE = Step("scene", TypeAdapter(Rendered))


def open_scene_job(
    session: Session,
    scene: Scene,
    *,
    settings: Settings,
    quality: str | None = None,
    engine: EngineChoice = AUTO,
    overrides: Mapping[str, Any] | None = None,
    job_type: JobType = JobType.INTEGRATED,
) -> ProductionJob:
    """Open a job that renders the scene as it is now on its branch; later edits do not change the job.

    The branch stays locked until the caller commits. The job's steps hold cast, style and state. Without an accepted
    take, each rejected take gives the next one another seed. Raises InvalidError for a scene that cannot be rendered.
    """
    ready = prepare(session, scene.branch_id, settings)
    session.refresh(scene)
    sources = sources_of(session, scene.branch_id, scene.project_id, [scene])
    wish = Wish(quality, engine, dict(overrides or {}), _choose_draw(session, scene))
    return open_prepared(sources, ready, scene, wish, job_type=job_type)


@dataclass(frozen=True)
class Prepared:
    """The head of a locked branch, and the engine for scenes without a chosen engine."""

    commit_hash: str | None
    engine: EngineName


def prepare(session: Session, branch_id: int, settings: Settings) -> Prepared:
    """Lock the branch against other writers until the transaction ends."""
    session.execute(select(Branch.id).where(Branch.id == branch_id).with_for_update(key_share=True))
    return Prepared(head_of(session, branch_id), engine_now(session, settings))


def head_of(session: Session, branch_id: int) -> str | None:
    """The hash of the newest commit of the branch; None for a branch without commits."""
    return session.scalar(select(Commit.hash).join(Branch, Branch.head_id == Commit.id).where(Branch.id == branch_id))


def open_prepared(
    sources: Sources, ready: Prepared, scene: Pictured, wish: Wish, *, job_type: JobType = JobType.INTEGRATED
) -> ProductionJob:
    """Open a job like open_scene_job, with the inputs of its branch already read."""
    session = sources.session
    spec, cast = spec_of(sources, scene, wish), cast_of(sources, scene)
    fingerprint_inputs = inputs_of(sources, scene, wish, engine_for_scene(wish, ready.engine))
    state = Rendered(str(scene.key), wish, fingerprint_inputs)
    job = lifecycle.open_job(session, spec, job_type=job_type)
    job.scene_id, job.commit_hash = scene.id, ready.commit_hash
    job.steps = CAST.entry(cast) | SCENE.entry(state)
    job.warnings = [cast.warning] if cast.warning else []
    session.flush()
    return job


def rendered_by(job: ProductionJob) -> Rendered | None:
    """The state of the scene that the job was opened for; None if it has no scene or the state cannot be read."""
    return SCENE.get(job)


def cast_of_job(job: ProductionJob) -> Cast:
    """The cast of the job; empty before the character lookup."""
    return CAST.get(job) or Cast()


def style_of_job(session: Session, job: ProductionJob) -> StyleTemplate:
    """The style of the job. A scene's job keeps the style as it was when the job was opened. Raises InvalidError."""
    state = rendered_by(job)
    if state is not None:
        return StyleTemplate(**state.parts.style.model_dump(exclude_unset=True))
    spec = lifecycle.spec_of(job)
    return find_style(session, spec.style, project_id=spec.project_id)


def live_jobs(session: Session, scene_ids: list[int]) -> dict[int, ProductionJob]:
    """The newest live job of each scene, by scene id."""
    live = select(ProductionJob).where(ProductionJob.scene_id.in_(scene_ids), ProductionJob.status.in_(LIVE))
    return {job.scene_id: job for job in session.scalars(live.order_by(ProductionJob.id)) if job.scene_id is not None}


def _choose_draw(session: Session, scene: Scene) -> int:
    if scene.accepted_inputs is not None:
        return Wish.of(scene.accepted_inputs["wish"]).draw
    rejections = select(func.count(Feedback.asset_id.distinct())).where(
        Feedback.project_id == scene.project_id,
        Feedback.scene_key == scene.key,
        Feedback.kind == FeedbackKind.REJECTION,
    )
    return session.scalar(rejections) or 0
