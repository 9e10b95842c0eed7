"""Requests and answers for styles."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.http.field_types import EditFields, Name, RowId, Text
from api.versions.answers import StaleScenes
from db.models.styles import StyleTemplate
from tower.presets.styles import SamplerSettings
from tower.story.entities import LocatedRow

EXAMPLE: JsonValue = {"project_id": 1, "name": "rainy neon", "prompt": "neon reflections, heavy rain, night"}


class StyleFields(EditFields):
    description: Text = ""
    negative_prompt: Text = Field("", description="Added to the negative prompt.")
    sampler_settings: SamplerSettings = Field(default_factory=SamplerSettings)


class NewStyle(StyleFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Name = Field(description="The value of a generation's `style`.")
    prompt: Text = Field(description="Added to the positive prompt.")


class StyleChange(StyleFields):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"negative_prompt": "daylight"}]})

    name: Name = Field(default_factory=str)
    prompt: Text = Field(default_factory=str)


class StyleAnswer(BaseModel):
    id: int
    project_id: int | None = Field(description="Null for a built-in style.")
    branch_name: str | None
    key: uuid.UUID
    version: int
    built_in: bool
    name: str
    description: str
    prompt: str
    negative_prompt: str
    sampler_settings: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: StyleTemplate, branch: str | None) -> Self:
        own = {"branch_name": branch, "built_in": row.project_id is None}
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields.keys() - own.keys()} | own)


class StyleEdited(StyleAnswer, StaleScenes):
    """The style after the edit."""


def to_answers(_: Session, found: Sequence[LocatedRow[StyleTemplate]]) -> list[StyleAnswer]:
    return [StyleAnswer.of(style.row, style.branch) for style in found]
