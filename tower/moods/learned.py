"""Learns the taste of a creator from their feedback on takes: for each mood, style and camera.

Each take counts once, by the author's last feedback: an approval is 1, a rejection 0 and a rating (stars − 1) / 4.
The newest take has weight 1 and each older one 0.9 (DECAY) of the next, so that taste can change. With w the sum of the
weights and s the weighted sum of the opinions, liking = (s + 1) / (w + 2), which is 0.5 without feedback, and
confidence = w / (w + 2): 0.58 after three takes, at most 0.83. A confidence below 0.5, that is fewer than three takes,
has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.preferences import PreferenceSource, UserCreativePreference
from db.models.review import Feedback, FeedbackKind
from tower.moods.chosen import MOOD_CHOICES
from tower.moods.preferences import KEY_COLUMNS

MOOD, STYLE, CAMERA = "mood", "style", "camera"  # kinds of preferences
DECAY, MAX_TAKES = 0.9, 50  # factor per older take; takes that count
MIN_CONFIDENCE, MIN_LIKED, MAX_DISLIKED = 0.5, 0.6, 0.35  # least confidence; least liking; most liking


@dataclass(frozen=True)
class TasteEstimate:
    """How much something is liked (0–1), and the confidence of that (0–1)."""

    liking: float
    confidence: float
    examples: int

    @property
    def is_liked(self) -> bool:
        return self.confidence >= MIN_CONFIDENCE and self.liking >= MIN_LIKED

    @property
    def is_disliked(self) -> bool:
        return self.confidence >= MIN_CONFIDENCE and self.liking <= MAX_DISLIKED


def estimate_taste(opinions: Sequence[float]) -> TasteEstimate:
    """Estimate from opinions in 0–1, the newest first."""
    weights = [DECAY**age for age in range(len(opinions))]
    total_weight = sum(weights)
    liked = sum(weight * opinion for weight, opinion in zip(weights, opinions, strict=True))
    return TasteEstimate(
        round((liked + 1) / (total_weight + 2), 4), round(total_weight / (total_weight + 2), 4), len(opinions)
    )


def update_taste(session: Session, user: str, job_id: int) -> None:
    """Update the taste of `user` for the mood, style and camera of this job, over all projects. The caller commits."""
    job = session.get(ProductionJob, job_id)
    if job is None:
        return
    for kind, name in _traits(job).items():
        feedback = _rated_takes(session, user, kind, name)
        if feedback:
            _save(session, user, kind, name, _preference(kind, feedback))


def load_taste(session: Session, user: str, kind: str) -> dict[str, tuple[TasteEstimate, dict[str, Any]]]:
    """The estimates of one kind by name, each with the learned preference."""
    rows = session.scalars(
        select(UserCreativePreference)
        .filter_by(user_name=user, kind=kind, source=PreferenceSource.LEARNED, project_id=None)
        .order_by(UserCreativePreference.id)
        .execution_options(populate_existing=True)
    )
    return {
        row.name: (TasteEstimate(row.preference["liking"], row.confidence or 0.0, row.examples), row.preference)
        for row in rows
    }


def _traits(job: ProductionJob) -> dict[str, str]:
    traits = {STYLE: job.parameters.get("style"), CAMERA: job.parameters.get("scene_type")}
    choice = MOOD_CHOICES.read(job)
    chosen = {MOOD: choice.mood.value} if choice else {}
    return {kind: str(name) for kind, name in (chosen | traits).items() if name}


def _rated_takes(session: Session, user: str, kind: str, name: str) -> list[tuple[float, dict[str, str]]]:
    """The user's opinion of each take with this trait, and all traits of the take; the newest first."""
    newest = (
        select(func.max(Feedback.id))
        .join(ProductionJob, ProductionJob.id == Feedback.job_id)
        .where(Feedback.author == user, _has_trait(kind, name))
        .group_by(Feedback.asset_id)
    )
    rows = session.execute(
        select(Feedback, ProductionJob)
        .join(ProductionJob, ProductionJob.id == Feedback.job_id)
        .where(Feedback.id.in_(newest))
        .order_by(Feedback.id.desc())
        .limit(MAX_TAKES)
    )
    return [(_opinion(feedback), _traits(job)) for feedback, job in rows]


def _has_trait(kind: str, name: str) -> ColumnElement[bool]:
    chosen: ColumnElement[str] = ProductionJob.steps[MOOD_CHOICES.key]["mood"]["value"].astext
    requested: ColumnElement[str] = ProductionJob.parameters["style" if kind == STYLE else "scene_type"].astext
    return (chosen if kind == MOOD else requested) == name


def _opinion(feedback: Feedback) -> float:
    if feedback.kind == FeedbackKind.RATING:
        return ((feedback.rating or 3) - 1) / 4
    return 1.0 if feedback.kind == FeedbackKind.APPROVAL else 0.0


def _preference(kind: str, feedback: list[tuple[float, dict[str, str]]]) -> tuple[TasteEstimate, dict[str, Any]]:
    """The estimate and the preference to save. A mood also learns the style and camera that were liked in it."""
    whole = estimate_taste([opinion for opinion, _ in feedback])
    chosen = {part: _best(feedback, part) for part in (STYLE, CAMERA)} if kind == MOOD else {}
    return whole, {"liking": whole.liking} | {part: name for part, name in chosen.items() if name}


def _best(feedback: Iterable[tuple[float, dict[str, str]]], part: str) -> str | None:
    """The style or camera that was liked best; None if none reaches MIN_LIKED."""
    by_name: dict[str, list[float]] = {}
    for opinion, traits in feedback:
        by_name.setdefault(traits[part], []).append(opinion)
    likings = {name: estimate_taste(opinions).liking for name, opinions in by_name.items()}
    best = max(likings, key=lambda name: likings[name], default=None)
    return best if best is not None and likings[best] >= MIN_LIKED else None


def _save(
    session: Session, user: str, kind: str, name: str, learned_preference: tuple[TasteEstimate, dict[str, Any]]
) -> None:
    estimate, preference = learned_preference
    named = dict(zip(KEY_COLUMNS, (user, None, kind, name, PreferenceSource.LEARNED), strict=True))
    values = {
        "preference": preference,
        "confidence": estimate.confidence,
        "examples": estimate.examples,
        "updated_at": func.now(),
    }
    row = insert(UserCreativePreference).values(**named, **values)
    session.execute(
        row.on_conflict_do_update(index_elements=KEY_COLUMNS, set_=values),
        execution_options={"synchronize_session": False},
    )
