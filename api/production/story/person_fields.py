"""The fields that drawn characters and characters of the bible share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from api.http.field_types import EditFields, Name, OpenList, OpenObject, Text


class PersonFields(EditFields):
    role: Name | None = Field(None, examples=["protagonist"])
    personality: Text | None = Field(None, examples=["determined, compassionate"])
    personality_traits: OpenObject = Field(default_factory=dict, examples=[{"determined": True}])
    backstory: Text | None = None
    visual_description: Text | None = Field(None, description="Description for the prompt.")
    visual_traits: OpenObject = Field(default_factory=dict, examples=[{"hair": "black", "eyes": "augmented"}])
    abilities: OpenList = Field(default_factory=list)
    relationships: OpenObject = Field(
        default_factory=dict, description="Relationships by the name of the other character."
    )
    evolution_arc: OpenList = Field(default_factory=list, description="Changes of the character, in story order.")


class PersonAnswer(BaseModel):
    name: str
    role: str | None
    personality: str | None
    personality_traits: dict[str, Any]
    backstory: str | None
    visual_description: str | None
    visual_traits: dict[str, Any]
    abilities: list[Any]
    relationships: dict[str, Any]
    evolution_arc: list[Any]
