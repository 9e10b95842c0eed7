"""What every versioned thing answers beside its own fields, now and in a past state."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from db.columns import Branched
from db.models.styles import StyleTemplate
from tower.errors import InvalidError

BEFORE = "Null in a past state (`at`)."


class Versioned(BaseModel):
    """`key` is the same on every branch, whatever the thing is called there; `id` is its row on this one."""

    id: int | None = Field(description=BEFORE)
    project_id: int
    branch_name: str | None = Field(description=BEFORE, examples=["main"])
    key: uuid.UUID
    version: int | None = Field(description=f"1, 2, …: counts the edits of this row. {BEFORE}")
    at: str | None = Field(description="The commit or tag whose state this is; null: the present.")
    created_at: datetime | None = Field(description=BEFORE)
    updated_at: datetime | None = Field(description=BEFORE)


def place_of(row: Branched | StyleTemplate, branch: str) -> dict[str, Any]:
    """The fields of Versioned, of a present row."""
    same = ("id", "project_id", "key", "version", "created_at", "updated_at")
    return {name: getattr(row, name) for name in same} | {"branch_name": branch, "at": None}


def past_place(project_id: int, key: uuid.UUID, at: str) -> dict[str, Any]:
    """The fields of Versioned, of a past state."""
    unknown = dict.fromkeys(("id", "branch_name", "version", "created_at", "updated_at"))
    return {**unknown, "project_id": project_id, "key": key, "at": at}


def one_time(branch: str | None, at: str | None) -> None:
    """Raises InvalidError if both a branch and a past state are asked for."""
    if branch is not None and at is not None:
        raise InvalidError.field("at", at, "either branch or at, not both")
