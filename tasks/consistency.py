"""The step that compares the characters of a take with their reference images."""

from __future__ import annotations

import time
from pathlib import Path

from db.models.jobs import ProductionJob
from db.models.rendering import Asset
from tasks.dispatch import TakeRef
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import SceneType
from tower.quality.consistency import score_character, worst_metric
from tower.quality.record import FinalVerdict, add_visual_metric
from tower.review import appearances
from tower.shots.cast import Cast


@retrying_task("character consistency")
def check_consistency(attempt: Attempt, take: TakeRef, cast: Cast) -> FinalVerdict:
    """Score each character that has a reference image. The worst score counts; if it is too low, it is a warning."""
    with resources().sessions.begin() as session:
        attempts.report_progress(session, attempt, step="comparing with the reference images")
        wide = lifecycle.parse_spec(session.get_one(ProductionJob, attempt.job_id)).scene_type == SceneType.EPIC
    started = time.perf_counter()
    likenesses = {member.name: score_character(member, Path(take.path), is_wide_shot=wide) for member in cast.members}
    metric = worst_metric(list(likenesses.values()))
    seconds = time.perf_counter() - started
    with resources().sessions.begin() as session:
        final = add_visual_metric(session, attempt, asset_id=take.asset_id, metric=metric, seconds=seconds)
        asset = session.get_one(Asset, take.asset_id)
        appearances.record_consistency(
            session, asset, cast, {name: likeness.score for name, likeness in likenesses.items()}
        )
        attempts.add_warnings(
            session, attempt, *appearances.unused_reference_warnings(asset, cast), *_rejection_warning(final)
        )
    return final


def _rejection_warning(final: FinalVerdict) -> tuple[str, ...]:
    return () if final.reason is None else (f"Quality: {final.reason}",)
