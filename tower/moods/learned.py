"""What a creator likes, learned from what they said of takes: for each mood, style and camera.

Each take counts once, by the last that its author said of it: an approval 1, a rejection 0, a rating (stars − 1) / 4.
The newest take weighs 1 and each before it 0.9 of the next (DECAY), so taste may change. With w the sum of the weights
and s the weighted sum of the opinions, liking = (s + 1) / (w + 2), which begins at 0.5 with nothing known, and
confidence = w / (w + 2): 0.58 after three takes, at most 0.83. Below 0.5, that is before the third take, nothing
follows from it.
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
from tower.moods.chosen import CHOSEN_MOOD
from tower.moods.preferences import NAMED_BY

MOOD, STYLE, CAMERA = "mood", "style", "camera"  # kinds of preferences
DECAY, NEWEST = 0.9, 50
SURE, LIKED, DISLIKED = 0.5, 0.6, 0.35


@dataclass(frozen=True)
class Liking:
    """How much something is liked, 0–1, and how sure that is, 0–1."""

    liking: float
    confidence: float
    examples: int

    @property
    def liked(self) -> bool:
        return self.confidence >= SURE and self.liking >= LIKED

    @property
    def disliked(self) -> bool:
        return self.confidence >= SURE and self.liking <= DISLIKED


def liking(opinions: Sequence[float]) -> Liking:
    """Of opinions 0–1, the newest first."""
    weights = [DECAY**age for age in range(len(opinions))]
    weight = sum(weights)
    liked = sum(one * opinion for one, opinion in zip(weights, opinions, strict=True))
    return Liking(round((liked + 1) / (weight + 2), 4), round(weight / (weight + 2), 4), len(opinions))


def learn(session: Session, user: str, job_id: int) -> None:
    """Learn anew what `user` likes of the mood, style and camera of this job, in all projects. The caller commits."""
    job = session.get(ProductionJob, job_id)
    if job is None:
        return
    for kind, name in _traits(job).items():
        said = _said(session, user, kind, name)
        if said:
            _put(session, user, kind, name, _preference(kind, said))


def learned(session: Session, user: str, kind: str) -> dict[str, tuple[Liking, dict[str, Any]]]:
    """By name: how much it is liked, and what to choose then."""
    rows = session.scalars(
        select(UserCreativePreference)
        .filter_by(user_name=user, kind=kind, source=PreferenceSource.LEARNED, project_id=None)
        .order_by(UserCreativePreference.id)
        .execution_options(populate_existing=True)
    )
    return {
        row.name: (Liking(row.preference["liking"], row.confidence or 0.0, row.examples), row.preference)
        for row in rows
    }


def _traits(job: ProductionJob) -> dict[str, str]:
    traits = {STYLE: job.parameters.get("style"), CAMERA: job.parameters.get("scene_type")}
    choice = CHOSEN_MOOD.get(job)
    chosen = {MOOD: choice.mood.value} if choice else {}
    return {kind: str(name) for kind, name in (chosen | traits).items() if name}


def _said(session: Session, user: str, kind: str, name: str) -> list[tuple[float, dict[str, str]]]:
    """What the user thinks of each take of this kind, and the take's traits; the newest first."""
    newest = (
        select(func.max(Feedback.id))
        .join(ProductionJob, ProductionJob.id == Feedback.job_id)
        .where(Feedback.author == user, _is(kind, name))
        .group_by(Feedback.asset_id)
    )
    rows = session.execute(
        select(Feedback, ProductionJob)
        .join(ProductionJob, ProductionJob.id == Feedback.job_id)
        .where(Feedback.id.in_(newest))
        .order_by(Feedback.id.desc())
        .limit(NEWEST)
    )
    return [(_opinion(said), _traits(job)) for said, job in rows]


def _is(kind: str, name: str) -> ColumnElement[bool]:
    chosen: ColumnElement[str] = ProductionJob.steps[CHOSEN_MOOD.key]["mood"]["value"].astext
    asked: ColumnElement[str] = ProductionJob.parameters["style" if kind == STYLE else "scene_type"].astext
    return (chosen if kind == MOOD else asked) == name


def _opinion(said: Feedback) -> float:
    if said.kind == FeedbackKind.RATING:
        return ((said.rating or 3) - 1) / 4
    return 1.0 if said.kind == FeedbackKind.APPROVAL else 0.0


def _preference(kind: str, said: list[tuple[float, dict[str, str]]]) -> tuple[Liking, dict[str, Any]]:
    """A mood also learns which style and camera were liked in it."""
    whole = liking([opinion for opinion, _ in said])
    chosen = {part: _best(said, part) for part in (STYLE, CAMERA)} if kind == MOOD else {}
    return whole, {"liking": whole.liking} | {part: name for part, name in chosen.items() if name}


def _best(said: Iterable[tuple[float, dict[str, str]]], part: str) -> str | None:
    """The style or camera that was liked best, if it was liked at all."""
    by_name: dict[str, list[float]] = {}
    for opinion, traits in said:
        by_name.setdefault(traits[part], []).append(opinion)
    likings = {name: liking(opinions).liking for name, opinions in by_name.items()}
    best = max(likings, key=lambda name: likings[name], default=None)
    return best if best is not None and likings[best] >= LIKED else None


def _put(session: Session, user: str, kind: str, name: str, found: tuple[Liking, dict[str, Any]]) -> None:
    how, preference = found
    named = dict(zip(NAMED_BY, (user, None, kind, name, PreferenceSource.LEARNED), strict=True))
    known = {"preference": preference, "confidence": how.confidence, "examples": how.examples, "updated_at": func.now()}
    row = insert(UserCreativePreference).values(**named, **known)
    session.execute(
        row.on_conflict_do_update(index_elements=NAMED_BY, set_=known),
        execution_options={"synchronize_session": False},
    )
