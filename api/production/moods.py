"""Your preferences: style, camera and tempo for a mood, in one project or in all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.errors import error_responses
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, set_etag
from api.http.field_types import Name, OpenObject, RowId, StorableText
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import Body, strict_router
from db.models.preferences import PreferenceSource, UserCreativePreference
from tower.moods import preferences
from tower.versions.editing import PreconditionFailedError

router = strict_router(prefix="/api/anime", tags=["preferences"])

EXAMPLE: JsonValue = {
    "kind": "mood",
    "name": "melancholic",
    "preference": {"style": "cinematic", "camera": "slow pan", "bpm_min": 60, "bpm_max": 90},
}


class Preference(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    kind: Name = Field(description="The subject: mood, style, camera, …")
    name: Name = Field(description="The mood, style or camera that it applies to.")
    preference: OpenObject = Field(description="The values to choose.")
    project_id: RowId | None = Field(None, description="Null applies to every project.")


class PreferenceAnswer(BaseModel):
    id: int
    user_name: str = Field(description="The name of the API key; `local` where keys are off.")
    project_id: int | None
    kind: str
    name: str
    preference: dict[str, Any]
    source: PreferenceSource
    confidence: float | None = Field(description="Confidence of a learned preference.")
    examples: int = Field(description="Number of takes that it was learned from.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: UserCreativePreference) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class DeletedPreference(BaseModel):
    id: int


@router.put("/preferences", responses=error_responses(400, 404, 412, 413, 415))
def set_preference(
    body: Preference, session: DatabaseSession, author: Author, response: Response, if_match: IfMatch = None
) -> PreferenceAnswer:
    """Set a preference. It replaces the one of the same kind and name. Learned preferences stay beside it.

    Personal generations use `style`, `camera`, `bpm_min` and `bpm_max` of kind `mood`. The preference of kind `default`
    and name `mood` has in `mood` the mood of generations that name none.
    """
    kind, name, project_id = body.kind, body.name, body.project_id
    with session.begin():
        if if_match is not None:
            current = preferences.find_named(session, author, kind=kind, name=name, project_id=project_id)
            _require_match(if_match, current)
        kept = preferences.set_preference(session, author, body.preference, kind=kind, name=name, project_id=project_id)
        answer = PreferenceAnswer.of(kept)
    set_etag(response, answer)
    return answer


@router.get("/preferences", responses=error_responses(404))
def list_preferences(
    session: ReadingSession,
    pages: Pages,
    author: Author,
    project_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    kind: Annotated[StorableText | None, Query(max_length=100)] = None,
) -> list[PreferenceAnswer]:
    """Your own preferences, set and learned."""
    found = preferences.page(session, author, project_id=project_id, kind=kind, page_request=pages.page_request)
    return pages.answer(found, PreferenceAnswer.of)


@router.get("/preferences/{preference_id}", responses=error_responses(404))
def get_preference(
    preference_id: RowId, session: ReadingSession, author: Author, response: Response
) -> PreferenceAnswer:
    """One of your own preferences."""
    answer = PreferenceAnswer.of(preferences.find(session, author, preference_id))
    set_etag(response, answer)
    return answer


@router.delete("/preferences/{preference_id}", responses=error_responses(404))
def delete_preference(preference_id: RowId, session: DatabaseSession, author: Author) -> DeletedPreference:
    """Delete a preference."""
    with session.begin():
        preferences.delete(session, author, preference_id)
    return DeletedPreference(id=preference_id)


def _require_match(if_match: str, current: UserCreativePreference | None) -> None:
    """Raises PreconditionFailedError if the ETag differs, or if no such preference is set."""
    if current is None:
        raise PreconditionFailedError(
            "The preference is not set: leave If-Match out to set it", details={"if_match": if_match, "etag": None}
        )
    require_match(if_match, PreferenceAnswer.of(current))
