"""Feedback on takes: ratings, approvals and rejections. The latter two are also decisions and training examples."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.learning import TrainingExample, Verdict
from db.models.rendering import Asset, QualityAssessment
from db.models.review import CreativeDecision, DecisionKind, Feedback, FeedbackKind
from db.models.scenes import Scene
from tower.errors import InvalidError
from tower.models import ratings
from tower.moods import learned
from tower.pages import Page, PageRequest, fetch_page
from tower.rendering.engine_choice import graph_engine_names
from tower.review import acceptance, decisions
from tower.review.decisions import DecisionInput
from tower.shots.scene_jobs import read_scene_snapshot
from tower.storage.assets import find_asset
from tower.story import entities

VERDICTS = {FeedbackKind.APPROVAL: Verdict.ACCEPTED, FeedbackKind.REJECTION: Verdict.REJECTED}
RENDER_FIELDS = ("model", "seed", "steps", "cfg", "sampler", "scheduler", "width", "height", "fps", "frames", "style")
DECISIONS = {FeedbackKind.APPROVAL: DecisionKind.APPROVAL, FeedbackKind.REJECTION: DecisionKind.REJECTION}


@dataclass(frozen=True)
class FeedbackInput:
    """Feedback to submit. Each of `frame_notes` is `{frame, note}`, with frames counted from 0."""

    asset_id: int
    kind: FeedbackKind
    author: str
    rating: int | None = None
    reason: str | None = None
    frame_notes: Sequence[dict[str, Any]] = ()
    scene_id: int | None = None


@dataclass(frozen=True)
class FeedbackResult:
    """The result of feedback: the decision, the scene that now shows the take, and scenes that no longer show it."""

    feedback: Feedback
    decision: CreativeDecision | None = None
    accepted_for: int | None = None
    scenes_without_take: Sequence[int] = ()


def submit_feedback(session: Session, feedback: FeedbackInput) -> FeedbackResult:
    """Save feedback on a take. An approval or rejection is also saved as a decision and a training example.

    An approved take becomes the accepted take of the scene that it was rendered for; a rejected take is withdrawn.
    Raises NotFoundError for an unknown take or scene, InvalidError for a note on a frame that the take does not have
    and for a scene of another project, TakeLostError for the approval of a scene's take whose file is gone.
    """
    take = find_asset(session, feedback.asset_id)
    _check_frames(take, feedback.frame_notes)
    job = None if take.job_id is None else session.get(ProductionJob, take.job_id)
    row = Feedback(
        project_id=take.project_id,
        asset_id=take.id,
        job_id=take.job_id,
        scene_key=_scene_key(session, take, feedback.scene_id) or _own_scene_key(job),
        kind=feedback.kind,
        rating=feedback.rating,
        reason=feedback.reason,
        frame_notes=list(feedback.frame_notes),
        author=feedback.author,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    _update_estimates(session, take, feedback.author)
    if feedback.kind not in VERDICTS:
        return FeedbackResult(row)
    _save_example(session, take, VERDICTS[feedback.kind], feedback.reason)
    decision = _record_decision(session, take, feedback)
    if feedback.kind == FeedbackKind.REJECTION:
        return FeedbackResult(
            row, decision, scenes_without_take=acceptance.withdraw_take(session, take, scene_id=feedback.scene_id)
        )
    scene = acceptance.approve_take(session, take, scene_id=feedback.scene_id, author=feedback.author)
    if job is not None:
        acceptance.record_appearances(session, take, job)
    return FeedbackResult(row, decision, accepted_for=None if scene is None else scene.id)


def list_feedback(
    session: Session,
    *,
    project_id: int | None,
    asset_id: int | None,
    kind: FeedbackKind | None,
    page_request: PageRequest,
) -> Page[Feedback]:
    """List feedback, newest first."""
    rows = select(Feedback)
    if project_id is not None:
        rows = rows.where(Feedback.project_id == project_id)
    if asset_id is not None:
        rows = rows.where(Feedback.asset_id == asset_id)
    if kind is not None:
        rows = rows.where(Feedback.kind == kind)
    return fetch_page(session, rows, Feedback.id, page=page_request, newest_first=True)


def _check_frames(take: Asset, notes: Sequence[dict[str, Any]]) -> None:
    frames = take.probe.get("frames")
    if not isinstance(frames, int):
        return
    beyond = [note["frame"] for note in notes if note["frame"] >= frames]
    if beyond:
        raise InvalidError.field("frame_notes", beyond[0], f"a frame from 0 to {frames - 1}")


def _scene_key(session: Session, take: Asset, scene_id: int | None) -> uuid.UUID | None:
    if scene_id is None:
        return None
    found = entities.find_entity(session, Scene, scene_id)
    if found.project_id != take.project_id:
        raise InvalidError.field("scene_id", scene_id, "a scene of the take's project")
    return found.row.key


def _own_scene_key(job: ProductionJob | None) -> uuid.UUID | None:
    """Return the key of the scene that the take was rendered for."""
    state = None if job is None else read_scene_snapshot(job)
    return None if state is None else uuid.UUID(state.key)


def _update_estimates(session: Session, take: Asset, author: str) -> None:
    """Update the taste of the author and the rating of the model, both of which are computed from all feedback."""
    if take.job_id is not None:
        learned.update_taste(session, author, take.job_id)
    ratings.update_model_rating(session, take, engines=graph_engine_names())


def _render_settings(take: Asset) -> dict[str, Any]:
    """Return the settings that were determined when the take was rendered."""
    shot = take.provenance.get("shot", {})
    settings = {name: shot[name] for name in RENDER_FIELDS if shot.get(name) is not None}
    return settings | {"engine": take.provenance["engine"]} if "engine" in take.provenance else settings


def _record_decision(session: Session, take: Asset, opinion: FeedbackInput) -> CreativeDecision | None:
    """Record the decision; None for a take without a project."""
    if take.project_id is None:
        return None
    verb = "Approved" if opinion.kind == FeedbackKind.APPROVAL else "Rejected"
    decision = DecisionInput(
        DECISIONS[opinion.kind],
        f"{verb} take {take.id}",
        opinion.author,
        reason=opinion.reason,
        details={"frame_notes": list(opinion.frame_notes), "rating": opinion.rating},
        asset_id=take.id,
    )
    return decisions.record_decision(session, take.project_id, decision)


def _save_example(session: Session, take: Asset, verdict: Verdict, reason: str | None) -> None:
    """Save the training example of a take.

    A take has one; the last verdict wins. Without a job some columns are empty.
    """
    job = None if take.job_id is None else session.get(ProductionJob, take.job_id)
    verdicts = select(QualityAssessment).where(QualityAssessment.asset_id == take.id).order_by(QualityAssessment.id)
    assessed = session.scalars(verdicts).all()
    values = {
        "project_id": take.project_id,
        "job_id": take.job_id,
        "verdict": verdict,
        "reason": reason,
        "prompt": "" if job is None else job.prompt,
        "negative_prompt": "" if job is None else job.parameters.get("negative_prompt", ""),
        "parameters": ({} if job is None else job.parameters) | _render_settings(take),
        "metrics": [metric for assessment in assessed for metric in assessment.metrics],
        "score": assessed[-1].score if assessed else None,
    }
    row = insert(TrainingExample).values(asset_id=take.id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["asset_id"], set_=values))
