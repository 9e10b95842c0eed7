"""The step that compares the characters of a take with their reference images."""

from __future__ import annotations

import time
from pathlib import Path

from db.models.jobs import ProductionJob
from db.models.rendering import Asset
from tasks.dispatch import Take
from tasks.resources import resources
from tasks.retries import step
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.jobs.spec import SceneType
from tower.quality.consistency import score_of, worst
from tower.quality.record import Final, add_visual
from tower.review import appearances
from tower.shots.cast import Cast


@step("character consistency")
def check_consistency(attempt: Attempt, take: Take, cast: Cast) -> Final:
    """Score each character that has a reference image. The worst score counts; if it is too low, it is a warning."""
    with resources().sessions.begin() as session:
        lifecycle.report(session, attempt, step="comparing with the reference images")
        wide = lifecycle.spec_of(session.get_one(ProductionJob, attempt.job_id)).scene_type == SceneType.EPIC
    started = time.perf_counter()
    likenesses = {member.name: score_of(member, Path(take.path), wide=wide) for member in cast.members}
    metric = worst(list(likenesses.values()))
    seconds = time.perf_counter() - started
    with resources().sessions.begin() as session:
        final = add_visual(session, attempt, asset_id=take.asset_id, metric=metric, seconds=seconds)
        asset = session.get_one(Asset, take.asset_id)
        appearances.note(session, asset, cast, {name: likeness.score for name, likeness in likenesses.items()})
        lifecycle.warn(session, attempt, *appearances.remarks(asset, cast), *_rejection_warning(final))
    return final


def _rejection_warning(final: Final) -> tuple[str, ...]:
    return () if final.reason is None else (f"Quality: {final.reason}",)
