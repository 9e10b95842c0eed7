"""Rates models 0–10 by the feedback on their takes.

Each take counts once, as the mean of the last feedback of each author: an approval is 10, a rejection 0 and a rating
(stars − 1) × 2.5. The rating of a model is the mean over its takes, once there are MIN_TAKES. Only takes of engines
with a model count: the animatic engine has none.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.models.learning import LearningModel, ModelKind
from db.models.rendering import Asset
from db.models.review import Feedback, FeedbackKind

MIN_TAKES = 5
RATED_KINDS = (ModelKind.CHECKPOINT, ModelKind.DIFFUSION)


def update_model_rating(session: Session, take: Asset, *, engines: Collection[str]) -> None:
    """Update the rating of a take's model, by all takes of these engines. Does nothing without a model.

    The caller commits.
    """
    model = take.provenance.get("shot", {}).get("model")
    if model is None or take.provenance.get("engine") not in engines:
        return
    session.execute(
        update(LearningModel)
        .where(LearningModel.name == model, LearningModel.kind.in_(RATED_KINDS))
        .values(rating=_rating(session, model, engines)),
        execution_options={"synchronize_session": False},
    )


def _rating(session: Session, model: str, engines: Collection[str]) -> float | None:
    """The rating; None while fewer than MIN_TAKES takes have feedback."""
    newest = select(func.max(Feedback.id)).group_by(Feedback.asset_id, Feedback.author)
    opinions = session.scalars(
        select(Feedback)
        .join(Asset, Asset.id == Feedback.asset_id)
        .where(Asset.provenance["engine"].astext.in_(engines))
        .where(Asset.provenance["shot"]["model"].astext == model, Feedback.id.in_(newest))
    )
    points_by_take: dict[int, list[float]] = defaultdict(list)
    for opinion in opinions:
        points_by_take[opinion.asset_id].append(_points(opinion))
    if len(points_by_take) < MIN_TAKES:
        return None
    return round(statistics.mean(statistics.mean(points) for points in points_by_take.values()), 2)


def _points(opinion: Feedback) -> float:
    if opinion.kind == FeedbackKind.RATING:
        return ((opinion.rating or 3) - 1) * 2.5
    return 10.0 if opinion.kind == FeedbackKind.APPROVAL else 0.0
