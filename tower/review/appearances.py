"""How the characters of a shot came out in a take: kept with the take, for each that Tower knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.models.characters import CharacterAppearance
from db.models.jobs import ProductionJob
from db.models.rendering import Asset
from tower.review.acceptance import note_appearances
from tower.shots.cast import Cast


def note(session: Session, take: Asset, cast: Cast, scores: Mapping[str, float | None]) -> None:
    """Which characters the take shows, and how like their reference images, 0–10, by name. A take of no project is
    nobody's."""
    if take.project_id is None or take.job_id is None:
        return
    note_appearances(session, take, session.get_one(ProductionJob, take.job_id))
    for one in cast.known:
        shown = update(CharacterAppearance).filter_by(asset_id=take.id, character_key=one.key)
        session.execute(
            shown.values(consistency_score=scores.get(one.name)), execution_options={"synchronize_session": False}
        )


def remarks(take: Asset, cast: Cast) -> Iterator[str]:
    """Reference images that the workflow had no use for."""
    graph = take.provenance.get("shot", {}).get("graph")
    if graph and not graph["bindings"].get("reference"):
        for member in cast.members:
            if member.reference_image:
                yield f"The workflow {graph['name']} takes no reference image: that of {member.name} did not steer"
