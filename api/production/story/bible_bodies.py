"""Requests and answers for bibles."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy.orm import Session

from api.http.field_types import EditFields, OpenObject, Title
from api.versions.answers import StaleScenes, Versioned, version_fields
from db.models.bibles import BibleHistory, BiblePart, ProjectBible
from db.models.versions import Commit
from tower.story.entities import LocatedRow, PastEntity

STYLE_EXAMPLE: JsonValue = {
    "title": "My Anime Bible",
    "description": "Character and world definitions",
    "visual_style": {"theme": "cyberpunk"},
    "world_setting": {"era": "2077"},
}
CONTENT_EXAMPLE: JsonValue = {
    "title": "Project Bible v1.0",
    "description": "Complete narrative guide",
    "content": {"world_building": "Fantasy realm with magic system", "character_arcs": {}, "plot_outline": []},
}


class BibleBody(EditFields):
    model_config = ConfigDict(json_schema_extra={"examples": [STYLE_EXAMPLE, CONTENT_EXAMPLE]})

    title: Title
    description: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    visual_style: OpenObject = Field(default_factory=dict)
    world_setting: OpenObject = Field(default_factory=dict)
    narrative_guidelines: OpenObject = Field(default_factory=dict)
    content: OpenObject = Field(default_factory=dict, description="Your own chapters.")

    @property
    def commit_message(self) -> str:
        return self.message or f"Wrote the bible {self.title}"

    def to_columns(self) -> dict[str, Any]:
        """All fields, also those that were not sent."""
        return self.model_dump(exclude=set(EditFields.model_fields))


class BibleAnswer(Versioned):
    title: str
    description: str
    visual_style: dict[str, Any]
    world_setting: dict[str, Any]
    narrative_guidelines: dict[str, Any]
    content: dict[str, Any]

    @classmethod
    def of(cls, entity: LocatedRow[ProjectBible] | PastEntity) -> Self:
        return cls.model_validate({**entity.fields, **version_fields(entity)})


class BibleEdited(BibleAnswer, StaleScenes):
    """The bible after the edit. It affects no picture, so `stale_scenes` is empty."""


class BibleChange(BaseModel):
    """A change to the bible, or to a character in it."""

    id: int
    part: BiblePart
    part_key: uuid.UUID
    before: dict[str, Any] | None = Field(description="Null if the commit added it.")
    after: dict[str, Any] | None = Field(description="Null if the commit removed it.")
    commit: str = Field(description="Hash of the commit.")
    message: str
    author: str
    created_at: datetime

    @classmethod
    def of(cls, row: BibleHistory, commit: Commit) -> Self:
        same = ("id", "part", "part_key", "before", "after", "author", "created_at")
        fields: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**fields, commit=commit.hash, message=commit.message)


def to_answers(_: Session, found: Sequence[LocatedRow[ProjectBible]]) -> list[BibleAnswer]:
    return [BibleAnswer.of(bible) for bible in found]
