"""The answer for one past state of an entity."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from tower.versions.history import Change
from tower.versions.history import EntityVersion as KeptVersion


class EntityVersion(BaseModel):
    """One commit that changed the entity. `version` counts from 1, the oldest."""

    version: int
    commit: str = Field(description="Hash of the commit.")
    message: str
    author: str
    branch_name: str = Field(description="The branch that the commit was made on.")
    created_at: datetime
    change: Change
    fields: dict[str, Any] | None = Field(description="All its fields after the commit; null if the commit deleted it.")

    @classmethod
    def of(cls, one: KeptVersion) -> Self:
        return cls(
            version=one.number,
            commit=one.commit.hash,
            message=one.commit.message,
            author=one.commit.author,
            branch_name=one.commit.branch_name,
            created_at=one.commit.created_at,
            change=one.change,
            fields=one.fields,
        )
