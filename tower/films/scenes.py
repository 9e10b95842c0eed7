"""Checks before a film is made that every scene shows what it should, so that no stale take is used in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.scenes import Scene
from tower.errors import ConflictError
from tower.errors.codes import ErrorCode
from tower.films.requests import FilmRequest, RenderChoice
from tower.settings import Settings
from tower.staleness.report import StalenessReport, report_episode
from tower.story.entities import LocatedRow


class SceneNotRenderedError(ConflictError):
    """A scene of the film has no current take, although its render has ended."""

    code = ErrorCode.SCENE_NOT_RENDERED


def check_scenes(
    session: Session, job: ProductionJob, episode: LocatedRow[Episode], request: FilmRequest, *, settings: Settings
) -> list[str]:
    """Return the warnings of a film that may show stale takes.

    Raises SceneNotRenderedError, which names the scenes, if one that should be current is stale or missing.
    """
    found = report_episode(session, episode.row, settings)
    if request.render is RenderChoice.NONE:
        return [f"Scene {stale.scene.scene_number} is stale: the film shows its earlier take" for stale in found.stale]
    reasons = _find_reasons(session, job, found)
    if reasons:
        raise SceneNotRenderedError("; ".join(reasons.values()), details={"scene_ids": list(reasons)})
    return []


def _find_reasons(session: Session, job: ProductionJob, found: StalenessReport) -> dict[int, str]:
    """For each scene without a current take, by id, a sentence that says why."""
    missing = session.scalars(select(Scene).where(Scene.id.in_(found.missing)).order_by(Scene.scene_number)).all()
    numbers = {stale.scene.id: stale.scene.scene_number for stale in found.stale}
    numbers |= {scene.id: scene.scene_number for scene in missing}
    renders = _newest_renders(session, job.waits_for)
    return {
        scene_id: f"Scene {number} {_explain(renders.get(scene_id))}"
        for scene_id, number in sorted(numbers.items(), key=lambda pair: pair[1])
    }


def _newest_renders(session: Session, job_ids: Sequence[int]) -> Mapping[int, ProductionJob]:
    rows = select(ProductionJob).where(ProductionJob.id.in_(job_ids)).order_by(ProductionJob.id)
    return {job.scene_id: job for job in session.scalars(rows) if job.scene_id is not None}


def _explain(render: ProductionJob | None) -> str:
    """Why a scene has no current take. `render`: the job that was to render it; None: there was nothing to render."""
    if render is None:
        return "has changed since the film was asked for"
    if render.status == JobStatus.CANCELLED:
        return f"was not rendered: generation {render.id} was cancelled"
    if render.status in LIVE_STATUSES:
        return f"is being rendered again by generation {render.id}"
    if render.status != JobStatus.COMPLETED:
        return f"was not rendered: generation {render.id} failed: {render.error_message}"
    if render.metrics is not None and not render.metrics.passed:
        return f"has no good take: that of generation {render.id} did not pass its quality check"
    return f"has changed while generation {render.id} rendered it"
