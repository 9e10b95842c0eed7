"""The answer of a delete that is a commit."""

from __future__ import annotations

import uuid

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from tower import entities
from tower.entities import Entity, Found, Note


class Deleted(BaseModel):
    """`commit` is the one that deleted it: revert it to have the thing back."""

    key: uuid.UUID
    commit: str = Field(description="Hash of the commit.")
    branch_name: str


def delete(session: Session, found: Found[Entity], *, author: str) -> Deleted:
    key = found.row.key  # the row is gone afterwards
    made = entities.delete(session, found, note=Note(author))
    return Deleted(key=key, commit=made.hash, branch_name=found.branch)
