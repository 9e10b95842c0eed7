"""The answer of a delete that is a commit."""

from __future__ import annotations

import uuid

from pydantic import Field
from sqlalchemy.orm import Session

from api.production.versions.answers import Touching, stale_after_commit
from tower.settings import Settings
from tower.story import entities
from tower.story.entities import Entity, Found, Note


class Deleted(Touching):
    """`commit` is the one that deleted it: revert it to have the thing back."""

    key: uuid.UUID
    commit: str = Field(description="Hash of the commit.")
    branch_name: str


def delete(session: Session, found: Found[Entity], *, author: str, settings: Settings | None = None) -> Deleted:
    """`settings` for what may be part of a picture."""
    key = found.row.key  # the row is gone afterwards
    made = entities.delete(session, found, note=Note(author))
    stale = [] if settings is None else stale_after_commit(session, made, found.branch, settings)
    return Deleted(key=key, commit=made.hash, branch_name=found.branch, stale_scenes=stale)
