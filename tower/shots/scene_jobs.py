"""Jobs that render a scene: opened with all that the picture depends on, as it was in that moment."""

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
    """The state of a scene that a job renders: its stable key, what was wished for, what the picture depends on."""

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
    """A job that renders the scene as it is now on its branch, whatever is edited until it runs. The caller commits.

    The branch stays locked until then. Cast, style and state are kept in the job's steps. Without an accepted take,
    each take that was rejected gives the next one another seed. Raises what spec_of_scene raises.
    """
    ready = prepare(session, scene.branch_id, settings)
    session.refresh(scene)
    sources = sources_of(session, scene.branch_id, scene.project_id, [scene])
    wish = Wish(quality, engine, dict(overrides or {}), _draw(session, scene))
    return open_prepared(sources, ready, scene, wish, job_type=job_type)


@dataclass(frozen=True)
class Prepared:
    """A branch that is locked, its head, and what renders a scene that leaves the engine open."""

    commit_hash: str | None
    engine: EngineName


def prepare(session: Session, branch_id: int, settings: Settings) -> Prepared:
    """Keep other writers off the branch until the transaction ends."""
    session.execute(select(Branch.id).where(Branch.id == branch_id).with_for_update(key_share=True))
    return Prepared(head_of(session, branch_id), engine_now(session, settings))


def head_of(session: Session, branch_id: int) -> str | None:
    """The hash of the branch's newest commit."""
    return session.scalar(select(Commit.hash).join(Branch, Branch.head_id == Commit.id).where(Branch.id == branch_id))


def open_prepared(
    sources: Sources, ready: Prepared, scene: Pictured, wish: Wish, *, job_type: JobType = JobType.INTEGRATED
) -> ProductionJob:
    """The same for one of several scenes of a branch, whose sources are read already."""
    session = sources.session
    spec, cast = spec_of(sources, scene, wish), cast_of(sources, scene)
    inputs = inputs_of(sources, scene, wish, engine_for_scene(wish, ready.engine))
    state = Rendered(str(scene.key), wish, inputs)
    job = lifecycle.open_job(session, spec, job_type=job_type)
    job.scene_id, job.commit_hash = scene.id, ready.commit_hash
    job.steps = CAST.entry(cast) | SCENE.entry(state)
    job.warnings = [cast.warning] if cast.warning else []
    session.flush()
    return job


def rendered_by(job: ProductionJob) -> Rendered | None:
    """The state of the scene that the job was opened for; None for a job of no scene, or of one that cannot be read."""
    return SCENE.get(job)


def cast_of_job(job: ProductionJob) -> Cast:
    """Whom the job draws; nobody before its lookup."""
    return CAST.get(job) or Cast()


def style_of_job(session: Session, job: ProductionJob) -> StyleTemplate:
    """The style of its spec: of a scene's job as it was when that was opened. Raises InvalidError."""
    state = rendered_by(job)
    if state is not None:
        return StyleTemplate(**state.parts.style.model_dump(exclude_unset=True))
    spec = lifecycle.spec_of(job)
    return find_style(session, spec.style, project_id=spec.project_id)


def live_jobs(session: Session, scene_ids: list[int]) -> dict[int, ProductionJob]:
    """The newest job of each scene that has not ended, by the scene's id."""
    mine = select(ProductionJob).where(ProductionJob.scene_id.in_(scene_ids), ProductionJob.status.in_(LIVE))
    return {job.scene_id: job for job in session.scalars(mine.order_by(ProductionJob.id)) if job.scene_id is not None}


def _draw(session: Session, scene: Scene) -> int:
    if scene.accepted_inputs is not None:
        return Wish.of(scene.accepted_inputs["wish"]).draw
    rejections = select(func.count(Feedback.asset_id.distinct())).where(
        Feedback.project_id == scene.project_id,
        Feedback.scene_key == scene.key,
        Feedback.kind == FeedbackKind.REJECTION,
    )
    return session.scalar(rejections) or 0
