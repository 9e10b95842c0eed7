"""How good the takes of a model were found: 0–10, from what people said of them.

Each take counts once: the mean of what each author last said of it, an approval 10, a rejection 0, a rating
(stars − 1) × 2.5. The rating of a model is the mean over its takes, once there are LEAST_TAKES. Only takes of engines
that have a model count: the animatic engine has none.
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

LEAST_TAKES = 5
KINDS = (ModelKind.CHECKPOINT, ModelKind.DIFFUSION)


def rate_model_of(session: Session, take: Asset, *, engines: Collection[str]) -> None:
    """Rate the model of this take by all takes of these engines; nothing if it has none. The caller commits."""
    model = take.provenance.get("shot", {}).get("model")
    if model is None or take.provenance.get("engine") not in engines:
        return
    session.execute(
        update(LearningModel)
        .where(LearningModel.name == model, LearningModel.kind.in_(KINDS))
        .values(rating=_rating(session, model, engines)),
        execution_options={"synchronize_session": False},
    )


def _rating(session: Session, model: str, engines: Collection[str]) -> float | None:
    """None while too few of its takes have been judged."""
    newest = select(func.max(Feedback.id)).group_by(Feedback.asset_id, Feedback.author)
    said = session.scalars(
        select(Feedback)
        .join(Asset, Asset.id == Feedback.asset_id)
        .where(Asset.provenance["engine"].astext.in_(engines))
        .where(Asset.provenance["shot"]["model"].astext == model, Feedback.id.in_(newest))
    )
    of_takes: dict[int, list[float]] = defaultdict(list)
    for opinion in said:
        of_takes[opinion.asset_id].append(_points(opinion))
    if len(of_takes) < LEAST_TAKES:
        return None
    return round(statistics.mean(statistics.mean(points) for points in of_takes.values()), 2)


def _points(opinion: Feedback) -> float:
    if opinion.kind == FeedbackKind.RATING:
        return ((opinion.rating or 3) - 1) * 2.5
    return 10.0 if opinion.kind == FeedbackKind.APPROVAL else 0.0
