"""Whether the film of an episode is older than its cut."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from db.models.episodes import Episode
from tower.assembly.keys import film_key
from tower.assembly.planning import plan_cut
from tower.errors import TowerError
from tower.story.entities import LocatedRow


class FilmState(StrEnum):
    MISSING = "missing"
    CURRENT = "current"
    OUTDATED = "outdated"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FilmAge:
    """`reason` is None for a current film."""

    state: FilmState
    reason: str | None = None


def compare_film(session: Session, episode: LocatedRow[Episode]) -> FilmAge:
    """Compare the film with the cut that would be made now."""
    row = episode.row
    if row.video_path is None:
        return FilmAge(FilmState.MISSING, "The episode is not assembled yet")
    if row.film_fingerprint is None:
        return FilmAge(FilmState.UNKNOWN, "The cut that the film was made from is not recorded")
    try:
        now = film_key(plan_cut(session, episode))
    except TowerError as error:
        return FilmAge(FilmState.OUTDATED, f"No film can be made now: {error.message}")
    if now == row.film_fingerprint:
        return FilmAge(FilmState.CURRENT)
    return FilmAge(FilmState.OUTDATED, "The cut or a take has changed since the film was made")
