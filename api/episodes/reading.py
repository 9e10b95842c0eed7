"""Reads an episode as it is on a branch, or as it was."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from api.versions.answers import refuse_branch_with_at
from db.models.episodes import Episode
from tower.story.entities import LocatedRow, PastEntity
from tower.story.episodes import find_episode, find_past_episode


def read_episode(
    session: Session, episode_id: uuid.UUID, *, project_id: int | None, branch: str | None, at: str | None
) -> LocatedRow[Episode] | PastEntity:
    """The episode on `branch`, or in the past state `at`. Raises InvalidError if both are named."""
    refuse_branch_with_at(branch, at)
    if at is not None:
        return find_past_episode(session, episode_id, ref=at, project_id=project_id)
    return find_episode(session, episode_id, project_id=project_id, branch=branch)
