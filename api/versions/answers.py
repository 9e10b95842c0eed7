"""The fields that every versioned entity answers, in its current and in a past state."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from db.models.versions import Commit
from tower.errors import InvalidError
from tower.settings import Settings
from tower.staleness import affected
from tower.staleness.affected import AffectedEntities
from tower.story.entities import KIND_OF_ROW, Entity, LocatedRow, PastEntity
from tower.versions import branches

NULL_IN_THE_PAST = "Null in a past state (`at`)."


class Versioned(BaseModel):
    """`key` is the same on every branch, even if the name differs; `id` is its row on this branch."""

    id: int | None = Field(description=NULL_IN_THE_PAST)
    project_id: int
    branch_name: str | None = Field(description=NULL_IN_THE_PAST, examples=["main"])
    key: uuid.UUID
    version: int | None = Field(description=f"Counts the edits of this row, from 1. {NULL_IN_THE_PAST}")
    at: str | None = Field(description="The commit or tag of this state; null for the current state.")
    created_at: datetime | None = Field(description=NULL_IN_THE_PAST)
    updated_at: datetime | None = Field(description=NULL_IN_THE_PAST)


class StaleScenes(BaseModel):
    """The scenes whose accepted take an edit made stale."""

    stale_scenes: list[int] = Field(
        description="Ids of the scenes, by number, that the edit affects and whose accepted take is stale now."
    )


def stale_after_edit(
    session: Session, found: LocatedRow[Entity], settings: Settings, *earlier_states: Mapping[str, Any]
) -> list[int]:
    """The ids of scenes that are stale after an edit of `found`. `earlier_states` are its fields before it.

    Call it after the edit is committed, so that the next writer does not wait for it.
    """
    edited = affected.by_entity(KIND_OF_ROW[type(found.row)], found.row.key, found.fields, *earlier_states)
    branch_id = found.row.branch_id
    if branch_id is None:  # a built-in style, which is never edited
        return []
    return affected.stale_scene_ids(session, branch_id, edited, project_id=found.project_id, settings=settings)


def stale_after_commit(session: Session, commit: Commit, branch: str, settings: Settings) -> list[int]:
    """The ids of scenes that are stale after a commit, which is the head of the branch."""
    return stale_on_branch(session, commit.project_id, branch, affected.by_commit(session, commit), settings)


def stale_on_branch(
    session: Session, project_id: int, branch: str, edited: AffectedEntities, settings: Settings
) -> list[int]:
    """The ids of scenes that are stale after edits of these entities on a branch."""
    if not edited:
        return []
    branch_id = branches.find(session, project_id, branch).id
    return affected.stale_scene_ids(session, branch_id, edited, project_id=project_id, settings=settings)


def version_fields(entity: LocatedRow[Any] | PastEntity) -> dict[str, Any]:
    """The fields of Versioned for an entity."""
    same = ("id", "version", "created_at", "updated_at")
    if isinstance(entity, PastEntity):
        unknown = dict.fromkeys((*same, "branch_name"))
        return {**unknown, "project_id": entity.project_id, "key": entity.key, "at": entity.at}
    row = entity.row
    own: dict[str, Any] = {name: getattr(row, name) for name in same}
    return {**own, "project_id": entity.project_id, "key": row.key, "branch_name": entity.branch, "at": None}


def refuse_branch_with_at(branch: str | None, at: str | None) -> None:
    """Raises InvalidError if both a branch and a past state are requested."""
    if branch is not None and at is not None:
        raise InvalidError.field("at", at, "either branch or at, not both")
