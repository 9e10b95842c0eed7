"""The takes that show a character."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.field_types import RowId
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from db.models.characters import Character, CharacterAppearance
from tower.review import acceptance
from tower.story import entities

router = strict_router(prefix="/api/anime", tags=["characters"])


class AppearanceAnswer(BaseModel):
    """A take that shows the character, and the character's state at that time."""

    id: int
    asset_id: int = Field(description="The take.")
    file_url: str = Field(examples=["/api/anime/assets/7/file"])
    character_key: uuid.UUID
    character_name: str = Field(description="Its name when the take was made.")
    character_version: int
    character_hash: str | None = Field(
        description="Hash of the character's version; null if the take was made from no commit."
    )
    scene_key: uuid.UUID | None = Field(description="The scene that the take was made for, if any.")
    consistency_score: float | None = Field(
        description="Similarity to the reference image, 0–10; null if not measured."
    )
    created_at: datetime

    @classmethod
    def of(cls, row: CharacterAppearance) -> Self:
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "file_url"}
        return cls.model_validate(fields | {"file_url": f"{router.prefix}/assets/{row.asset_id}/file"})


@router.get("/characters/{character_id}/appearances", responses=error_responses(404))
def character_appearances(character_id: RowId, session: ReadingSession, pages: Pages) -> list[AppearanceAnswer]:
    """The accepted takes that show a character, of all branches, newest first."""
    found = entities.find_entity(session, Character, character_id)
    page = acceptance.list_appearances(session, found.project_id, found.row.key, page_request=pages.page_request)
    return pages.answer(page, AppearanceAnswer.of)
