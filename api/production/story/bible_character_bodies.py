"""Requests and answers for the characters of a bible."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy.orm import Session

from api.http.field_types import IdOrKey, Name
from api.production.story.person_fields import PersonAnswer, PersonFields
from api.versions.answers import StaleScenes, Versioned, version_fields
from db.models.bibles import BibleCharacter
from tower.story.entities import LocatedRow, PastEntity

TRAITS_EXAMPLE: JsonValue = {
    "name": "Kai Nakamura",
    "description": "Cyberpunk detective",
    "visual_traits": {"hair": "black", "eyes": "augmented"},
    "personality_traits": {"determined": True},
}
PERSON_EXAMPLE: JsonValue = {
    "name": "Kai Nakamura",
    "role": "protagonist",
    "personality": "determined, compassionate",
    "backstory": "Raised by the shrine",
    "visual_description": "black hair, augmented eyes",
    "abilities": ["seal"],
}


class BibleCharacterFields(PersonFields):
    description: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    character_id: IdOrKey | None = Field(None, description="Id or key of the project's character that is drawn for it.")


class NewBibleCharacter(BibleCharacterFields):
    model_config = ConfigDict(json_schema_extra={"examples": [TRAITS_EXAMPLE, PERSON_EXAMPLE]})

    name: Name


class BibleCharacterChange(BibleCharacterFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"backstory": "Raised by the shrine"}]})

    name: Name = Field(default_factory=str)


class BibleCharacterAnswer(Versioned, PersonAnswer):
    description: str | None
    character_key: uuid.UUID | None = Field(description="The `key` of the character that is drawn for it.")

    @classmethod
    def of(cls, entity: LocatedRow[BibleCharacter] | PastEntity) -> Self:
        fields = {name: value for name, value in entity.fields.items() if name != "bible_key"}
        return cls.model_validate({**fields, **version_fields(entity)})


class BibleCharacterEdited(BibleCharacterAnswer, StaleScenes):
    """The character after the edit. The bible affects no picture, so `stale_scenes` is empty."""


def to_answers(_: Session, found: Sequence[LocatedRow[BibleCharacter] | PastEntity]) -> list[BibleCharacterAnswer]:
    return [BibleCharacterAnswer.of(entity) for entity in found]
