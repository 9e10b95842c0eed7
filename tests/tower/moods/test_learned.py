"""The tastes that Tower learns from feedback on takes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from db.models.preferences import UserCreativePreference
from db.models.rendering import Asset, AssetKind
from db.models.review import Feedback, FeedbackKind
from tests.tower.moods.chosen_moods import build_choice
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec
from tower.moods.chosen import MOOD_CHOICES
from tower.moods.learned import CAMERA, MOOD, STYLE, estimate_taste, load_taste, update_taste

APPROVED, REJECTED, RATED = FeedbackKind.APPROVAL, FeedbackKind.REJECTION, FeedbackKind.RATING


def create_job(session: Session, mood: str | None = None, **fields: Any) -> ProductionJob:
    spec = GenerationSpec.model_validate({"prompt": "x", **fields})
    job = lifecycle.open_job(session, spec, job_type=JobType.PERSONAL)
    if mood is not None:
        job.steps = MOOD_CHOICES.to_entry(build_choice(mood))
    session.flush()
    return job


def give_feedback(
    session: Session,
    job: ProductionJob,
    kind: FeedbackKind,
    *,
    user: str = "local",
    take: Asset | None = None,
    **fields: Any,
) -> Asset:
    """Submit feedback of the user on a new take of the job, or on `take`."""
    if take is None:
        take = Asset(kind=AssetKind.VIDEO, path="/x.mp4", sha256="0" * 64, bytes=1, probe={}, provenance={})
        take.job_id = job.id
        session.add(take)
        session.flush()
    reason = "no" if kind == REJECTED else None
    session.add(Feedback(asset_id=take.id, job_id=job.id, kind=kind, author=user, reason=reason, **fields))
    session.flush()
    update_taste(session, user, job.id)
    return take


def test_liking_starts_neutral_and_recent_feedback_weighs_most() -> None:
    assert (estimate_taste([]).liking, estimate_taste([]).confidence) == (0.5, 0.0)
    assert estimate_taste([1, 1, 1]).is_liked
    assert estimate_taste([0, 0, 0]).is_disliked
    assert not estimate_taste([1, 1]).is_liked  # Too few.
    assert estimate_taste([1, 1, 0, 0]).liking > 0.5 > estimate_taste([0, 0, 1, 1]).liking
    assert estimate_taste([1.0] * 50).confidence < 0.84


def test_style_camera_and_mood_of_the_take_are_learned(session: Session) -> None:
    job = create_job(session, "calm", style="artistic", scene_type="epic")
    give_feedback(session, job, APPROVED)
    for kind, name in ((MOOD, "calm"), (STYLE, "artistic"), (CAMERA, "epic")):
        taste, preference = load_taste(session, "local", kind)[name]
        assert (taste.examples, preference["liking"]) == (1, taste.liking)
    assert load_taste(session, "local", MOOD)["calm"][1] | {"liking": 0} == {
        "liking": 0,
        "style": "artistic",
        "camera": "epic",
    }
    assert load_taste(session, "someone else", STYLE) == {}


def test_only_the_latest_feedback_on_a_take_counts(session: Session) -> None:
    job = create_job(session, style="artistic")
    take = give_feedback(session, job, APPROVED)
    liked = load_taste(session, "local", STYLE)["artistic"][0]
    give_feedback(session, job, REJECTED, take=take)
    disliked = load_taste(session, "local", STYLE)["artistic"][0]
    assert (liked.examples, disliked.examples) == (1, 1)
    assert liked.liking > 0.5 > disliked.liking


@pytest.mark.parametrize(("stars", "above"), [(5, True), (3, None), (1, False)])
def test_star_ratings_count_as_feedback(session: Session, stars: int, above: bool | None) -> None:
    give_feedback(session, create_job(session, style="artistic"), RATED, rating=stars)
    liking = load_taste(session, "local", STYLE)["artistic"][0].liking
    assert (None if liking == 0.5 else liking > 0.5) is above


def test_the_best_liked_style_of_a_mood_is_suggested(session: Session) -> None:
    for _ in range(2):
        give_feedback(session, create_job(session, "calm", style="realistic"), REJECTED)
        give_feedback(session, create_job(session, "calm", style="artistic"), APPROVED)
    taste, preference = load_taste(session, "local", MOOD)["calm"]
    assert (taste.examples, preference["style"]) == (4, "artistic")


def test_each_taste_has_exactly_one_row(session: Session) -> None:
    job = create_job(session, "calm")
    for _ in range(3):
        give_feedback(session, job, APPROVED)
    rows = session.scalars(select(UserCreativePreference)).all()
    assert sorted((row.kind, row.source.value, row.examples) for row in rows) == [
        ("camera", "learned", 3),
        ("mood", "learned", 3),
        ("style", "learned", 3),
    ]
