"""Record how consistent the characters of a take are with their reference images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.models.characters import CharacterAppearance
from db.models.jobs import ProductionJob
from db.models.rendering import Asset
from tower.review.acceptance import record_appearances
from tower.shots.cast import Cast


def record_consistency(session: Session, take: Asset, cast: Cast, scores: Mapping[str, float | None]) -> None:
    """Record the characters in a take, with their consistency scores by name (0–10; None if not measured).

    A take without a project is skipped.
    """
    if take.project_id is None or take.job_id is None:
        return
    record_appearances(session, take, session.get_one(ProductionJob, take.job_id))
    for character in cast.known:
        appearance = update(CharacterAppearance).filter_by(asset_id=take.id, character_key=character.key)
        session.execute(
            appearance.values(consistency_score=scores.get(character.name)),
            execution_options={"synchronize_session": False},
        )


def unused_reference_warnings(take: Asset, cast: Cast) -> Iterator[str]:
    """Yield a warning for each reference image that the workflow has no input for."""
    graph = take.provenance.get("shot", {}).get("graph")
    if graph and not graph["bindings"].get("reference"):
        for member in cast.members:
            if member.reference_image:
                yield f"The workflow {graph['name']} takes no reference image: that of {member.name} was not used"
