"""The answer for one past state of an entity."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from tower.versions.history import ChangeType
from tower.versions.history import EntityVersion as KeptVersion


class EntityVersion(BaseModel):
    """One commit that changed the entity. `version` counts from 1, the oldest."""

    version: int
    commit: str = Field(description="Hash of the commit.")
    message: str
    author: str
    branch_name: str = Field(description="The branch that the commit was made on.")
    created_at: datetime
    change: ChangeType
    fields: dict[str, Any] | None = Field(description="All its fields after the commit; null if the commit deleted it.")

    @classmethod
    def of(cls, kept: KeptVersion) -> Self:
        return cls(
            version=kept.number,
            commit=kept.commit.hash,
            message=kept.commit.message,
            author=kept.commit.author,
            branch_name=kept.commit.branch_name,
            created_at=kept.commit.created_at,
            change=kept.change,
            fields=kept.fields,
        )
