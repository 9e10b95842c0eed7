"""Requests and answers for scenes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import AliasChoices, ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy.orm import Session

from api.http.field_types import EditFields, Name, RowId, Text, Title
from api.http.strict_routes import Body
from api.versions.answers import NULL_IN_THE_PAST, StaleScenes, Versioned, version_fields
from db.models.scenes import Scene, SceneStatus
from tower.jobs.spec import SceneType
from tower.story.entities import LocatedRow, PastEntity
from tower.story.scenes import NamesByKey, cast_names, character_names
from tower.versions import history
from tower.versions.kinds import Kind

EXAMPLE: JsonValue = {
    "project_id": 1,
    "branch_name": "main",
    "scene_number": 1,
    "description": "Opening scene in the village",
    "characters": ["Kai Nakamura", "Village Elder"],
}
MAX_SCENES = 100_000
SceneNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]
DialogueText = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class DialogueLine(Body):
    """A line of dialogue. `timestamp` is in seconds from the start of the scene."""

    character: Name | None = Field(None, description="Null for a voice of no character.")
    line: DialogueText
    timestamp: float | None = Field(None, ge=0, le=86_400)


class SceneFields(EditFields):
    title: Title | None = None
    characters: Annotated[list[Name], Field(max_length=100)] = Field(
        default_factory=list,
        description="Names of characters. A name that is not a character of the project yet is kept as a name.",
    )
    episode_id: Annotated[uuid.UUID | None, Field(strict=False)] = Field(None, description="The episode of the scene.")
    duration_s: float | None = Field(
        None,
        gt=0,
        le=3600,
        validation_alias=AliasChoices("duration_seconds", "duration"),
    )
    dialogue: Annotated[list[DialogueLine], Field(max_length=1000)] = Field(default_factory=list)
    scene_type: Annotated[SceneType | None, Field(strict=False)] = None
    style: Name | None = Field(None, description="The name of a style template; null for the project's style.")
    location: Text | None = None
    mood: Text | None = None
    camera: Text | None = None
    video_path: Text | None = Field(None, description="Path of your own video under a media folder.")

    def to_columns(self) -> dict[str, Any]:
        """The sent fields by column name; `characters` are still names."""
        given = self.sent_fields()
        if "episode_id" in given:
            given["episode_key"] = given.pop("episode_id")
        return given


class NewScene(SceneFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    description: Text
    scene_number: SceneNumber | None = Field(
        None, description="Must be unused on the branch; by default after the last scene."
    )


class SceneChange(SceneFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"description": "Updated scene description", "video_path": "/path/to/generated/video.mp4"}]
        }
    )

    description: Text = Field(default_factory=str)
    scene_number: SceneNumber = Field(default_factory=int)


class SceneOrder(EditFields):
    model_config = ConfigDict(json_schema_extra={"examples": [{"project_id": 1, "scene_ids": [3, 1, 2]}]})

    project_id: RowId
    scene_ids: Annotated[list[RowId], Field(max_length=MAX_SCENES)] = Field(
        description="All scenes of the branch, in their new order."
    )


class SceneCopy(EditFields):
    """The branch and number of the copy."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scene_number": 2}]})

    scene_number: SceneNumber | None = Field(
        None, description="Must be unused on the branch; by default after the last scene."
    )


class SceneAnswer(Versioned):
    scene_number: int
    title: str | None
    description: str
    status: SceneStatus | None = Field(description=NULL_IN_THE_PAST)
    characters: list[str] = Field(description="Current names of the characters.")
    episode_id: uuid.UUID | None
    duration_seconds: float | None
    dialogue: list[dict[str, Any]]
    scene_type: str | None
    style: str | None
    location: str | None
    mood: str | None
    camera: str | None
    video_path: str | None = Field(description="The accepted take, or your own video.")
    accepted_asset_id: int | None = Field(description=f"The accepted take. {NULL_IN_THE_PAST}")

    @classmethod
    def of(cls, entity: LocatedRow[Scene] | PastEntity, names: NamesByKey) -> Self:
        fields = entity.fields
        same = ("scene_number", "title", "description", "dialogue", "scene_type", "style", "location", "mood")
        row = entity.row if isinstance(entity, LocatedRow) else None
        return cls(
            **{name: fields[name] for name in (*same, "camera", "video_path")},
            **version_fields(entity),
            status=row.status if row else None,
            accepted_asset_id=row.accepted_asset_id if row else None,
            characters=cast_names(fields, names),
            episode_id=fields["episode_key"],
            duration_seconds=fields["duration_s"],
        )


class SceneEdited(SceneAnswer, StaleScenes):
    """The scene after the edit."""


def to_answers(session: Session, found: Sequence[LocatedRow[Scene]] | Sequence[PastEntity]) -> list[SceneAnswer]:
    if not found:
        return []
    names = _names(session, found)
    return [SceneAnswer.of(entity, names) for entity in found]


def _names(session: Session, found: Sequence[LocatedRow[Scene]] | Sequence[PastEntity]) -> NamesByKey:
    """The names of all characters in the scenes, which are all of one branch or one past state."""
    first = found[0]
    if isinstance(first, LocatedRow):
        return character_names(session, [entity.fields for entity in found], branch_id=first.row.branch_id)
    by_key = history.entities_at(session, first.project_id, first.at, Kind.CHARACTERS)
    return {key: fields["name"] for key, fields in by_key.items()}
