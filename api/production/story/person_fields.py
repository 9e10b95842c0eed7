"""What may be said of a person: of a character that is drawn, and of one in the bible."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from api.production.field_types import Edit, Name, OpenList, OpenObject, Text


class PersonFields(Edit):
    role: Name | None = Field(None, examples=["protagonist"])
    personality: Text | None = Field(None, examples=["determined, compassionate"])
    personality_traits: OpenObject = Field(default_factory=dict, examples=[{"determined": True}])
    backstory: Text | None = None
    visual_description: Text | None = Field(None, description="What the prompt says of it.")
    visual_traits: OpenObject = Field(default_factory=dict, examples=[{"hair": "black", "eyes": "augmented"}])
    abilities: OpenList = Field(default_factory=list)
    relationships: OpenObject = Field(default_factory=dict, description="By the other one's name.")
    evolution_arc: OpenList = Field(default_factory=list, description="How it changes, in story order.")


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
