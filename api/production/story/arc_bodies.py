"""Requests and answers for story arcs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.http.field_types import EditFields, RowId, Text, Title
from api.http.strict_routes import Body
from api.versions.answers import Versioned, version_fields
from db.models.episodes import ArcStatus, StoryArc
from tower.story.entities import LocatedRow, PastEntity

EXAMPLE: JsonValue = {"project_id": 1, "name": "The shrine's secret", "milestones": [{"title": "Kai finds the seal"}]}
EpisodeId = Annotated[uuid.UUID, Field(strict=False)]


class Milestone(Body):
    title: Title
    description: Text = ""
    episode_id: EpisodeId | None = None


class ArcFields(EditFields):
    description: Text = ""
    status: Annotated[ArcStatus, Field(strict=False)] = ArcStatus.PLANNED
    position: int = Field(0, ge=0, le=1_000_000, description="Position among the arcs.")
    episode_ids: Annotated[list[EpisodeId], Field(max_length=1000)] = Field(
        default_factory=list, description="Episodes in story order."
    )
    milestones: Annotated[list[Milestone], Field(max_length=1000)] = Field(
        default_factory=list, description="Episodes in story order."
    )

    def to_columns(self) -> dict[str, Any]:
        """The sent fields by column name."""
        given = self.sent_fields()
        if "episode_ids" in given:
            given["episode_keys"] = given.pop("episode_ids")
        if "milestones" in given:
            given["milestones"] = [
                _rename_key(milestone, "episode_id", "episode_key") for milestone in given["milestones"]
            ]
        return given


class NewArc(ArcFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Title


class ArcChange(ArcFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "active"}]})

    name: Title = Field(default_factory=str)


class ArcAnswer(Versioned):
    name: str
    description: str
    status: ArcStatus
    position: int
    episode_ids: list[uuid.UUID]
    milestones: list[dict[str, Any]]

    @classmethod
    def of(cls, entity: LocatedRow[StoryArc] | PastEntity) -> Self:
        fields = entity.fields
        return cls(
            **{name: fields[name] for name in ("name", "description", "status", "position")},
            **version_fields(entity),
            episode_ids=fields["episode_keys"],
            milestones=[_rename_key(milestone, "episode_key", "episode_id") for milestone in fields["milestones"]],
        )


def to_answers(_: Session, found: Sequence[LocatedRow[StoryArc] | PastEntity]) -> list[ArcAnswer]:
    return [ArcAnswer.of(entity) for entity in found]


def _rename_key(milestone: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in milestone.items()}
