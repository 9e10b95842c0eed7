"""Ratings of a model from the feedback on its takes."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.models.learning import LearningModel, ModelKind
from db.models.rendering import Asset, AssetKind
from db.models.review import Feedback, FeedbackKind
from tower.models.ratings import MIN_TAKES, update_model_rating

MODEL = "mine.safetensors"


def model(session: Session) -> LearningModel:
    row = LearningModel(source="http://x", kind=ModelKind.CHECKPOINT, name=MODEL)
    session.add(row)
    session.flush()
    return row


def rate_take(
    session: Session, stars: int, *, engine: str = "comfyui", author: str = "a", take: Asset | None = None
) -> Asset:
    if take is None:
        provenance = {"engine": engine, "shot": {"model": MODEL}}
        take = Asset(kind=AssetKind.VIDEO, path="/x.mp4", sha256="0" * 64, bytes=1, probe={}, provenance=provenance)
        session.add(take)
        session.flush()
    session.add(Feedback(asset_id=take.id, kind=FeedbackKind.RATING, rating=stars, author=author))
    session.flush()
    update_model_rating(session, take, engines={"comfyui"})
    return take


def test_a_model_is_rated_once_enough_of_its_takes_have_feedback(session: Session) -> None:
    row = model(session)
    for number in range(MIN_TAKES):
        session.refresh(row)
        assert row.rating is None
        rate_take(session, 5 if number else 1)
    session.refresh(row)
    assert row.rating == 8.0  # Four of 10 points and one of 0.


def test_each_take_counts_once_with_the_latest_feedback_of_each_author(session: Session) -> None:
    row = model(session)
    takes = [rate_take(session, 5) for _ in range(MIN_TAKES)]
    rate_take(session, 1, take=takes[0])
    rate_take(session, 3, author="b", take=takes[0])
    session.refresh(row)
    assert row.rating == 8.5  # The first take has 0 from one author and 5 from the other.


def test_the_animatic_engine_has_no_model_to_rate(session: Session) -> None:
    row = model(session)
    for _ in range(MIN_TAKES):
        rate_take(session, 5, engine="animatic")
    session.refresh(row)
    assert row.rating is None
