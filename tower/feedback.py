"""What people think of takes: rated, approved, rejected; approvals and rejections are decisions, and examples."""

from __future__ import annotations

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
from tower import decisions, entities
from tower.assets import find as find_asset
from tower.decisions import Decision
from tower.errors import InvalidError
from tower.pages import Page, Wanted, page_of

VERDICTS = {FeedbackKind.APPROVAL: Verdict.ACCEPTED, FeedbackKind.REJECTION: Verdict.REJECTED}
DECISIONS = {FeedbackKind.APPROVAL: DecisionKind.APPROVAL, FeedbackKind.REJECTION: DecisionKind.REJECTION}


@dataclass(frozen=True)
class Opinion:
    """`frame_notes`: `{frame, note}` each, frames counted from 0."""

    asset_id: int
    kind: FeedbackKind
    author: str
    rating: int | None = None
    reason: str | None = None
    frame_notes: Sequence[dict[str, Any]] = ()
    scene_id: int | None = None


def give(session: Session, opinion: Opinion) -> tuple[Feedback, CreativeDecision | None]:
    """Keep an opinion on a take; an approval or rejection is a decision of the project and an example to learn from.

    Raises NotFoundError for an unknown take or scene, InvalidError for a note on a frame that the take does not have
    and for a scene of another project.
    """
    take = find_asset(session, opinion.asset_id)
    _check_frames(take, opinion.frame_notes)
    row = Feedback(
        project_id=take.project_id,
        asset_id=take.id,
        job_id=take.job_id,
        scene_key=_scene_key(session, take, opinion.scene_id),
        kind=opinion.kind,
        rating=opinion.rating,
        reason=opinion.reason,
        frame_notes=list(opinion.frame_notes),
        author=opinion.author,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    if opinion.kind not in VERDICTS:
        return row, None
    _keep_example(session, take, VERDICTS[opinion.kind], opinion.reason)
    return row, _decided(session, take, opinion)


def page(
    session: Session, *, project_id: int | None, asset_id: int | None, kind: FeedbackKind | None, wanted: Wanted
) -> Page[Feedback]:
    """Newest first."""
    rows = select(Feedback)
    if project_id is not None:
        rows = rows.where(Feedback.project_id == project_id)
    if asset_id is not None:
        rows = rows.where(Feedback.asset_id == asset_id)
    if kind is not None:
        rows = rows.where(Feedback.kind == kind)
    return page_of(session, rows, Feedback.id, wanted=wanted, newest_first=True)


def _check_frames(take: Asset, notes: Sequence[dict[str, Any]]) -> None:
    frames = take.probe.get("frames")
    if not isinstance(frames, int):
        return
    beyond = [note["frame"] for note in notes if note["frame"] >= frames]
    if beyond:
        raise InvalidError.field("frame_notes", beyond[0], f"a frame from 0 to {frames - 1}")


def _scene_key(session: Session, take: Asset, scene_id: int | None) -> Any:
    if scene_id is None:
        return None
    found = entities.find(session, Scene, scene_id)
    if found.project_id != take.project_id:
        raise InvalidError.field("scene_id", scene_id, "a scene of the take's project")
    return found.row.key


def _decided(session: Session, take: Asset, opinion: Opinion) -> CreativeDecision | None:
    """A take of no project is nobody's decision."""
    if take.project_id is None:
        return None
    verb = "Approved" if opinion.kind == FeedbackKind.APPROVAL else "Rejected"
    made = Decision(
        DECISIONS[opinion.kind],
        f"{verb} take {take.id}",
        opinion.author,
        reason=opinion.reason,
        details={"frame_notes": list(opinion.frame_notes), "rating": opinion.rating},
        asset_id=take.id,
    )
    return decisions.record(session, take.project_id, made)


def _keep_example(session: Session, take: Asset, verdict: Verdict, reason: str | None) -> None:
    """One a take: the last verdict counts. What is not known of a take of no job stays empty."""
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
        "parameters": {} if job is None else job.parameters,
        "metrics": [metric for one in assessed for metric in one.metrics],
        "score": assessed[-1].score if assessed else None,
    }
    row = insert(TrainingExample).values(asset_id=take.id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["asset_id"], set_=values))
