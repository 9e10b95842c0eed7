"""Requests and answers for episodes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.episodes.film_answers import EpisodeFilm
from api.http.etags import ObservedAnswer
from api.http.field_types import EditFields, OpenObject, RowId, Text, Title
from api.versions.answers import NULL_IN_THE_PAST, version_fields
from db.models.episodes import Episode, EpisodeStatus
from db.models.jobs import ProductionJob
from tower.jobs.waiting import Awaited, find_awaited
from tower.story.entities import LocatedRow, PastEntity
from tower.story.episodes import EpisodeContents, read_contents, read_past_contents
from tower.story.film_jobs import current_status, newest_film_jobs

EXAMPLE: JsonValue = {
    "project_id": 1,
    "episode_number": 1,
    "title": "The Beginning",
    "synopsis": "Our hero's journey starts...",
    "metadata": {"genre": "fantasy", "mood": "adventurous"},
}
EpisodeNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]


class EpisodeFields(EditFields):
    synopsis: Text = ""
    metadata: OpenObject = Field(default_factory=dict, description="Fields of your own: genre, mood, …")

    def to_columns(self) -> dict[str, Any]:
        """The sent fields by column name."""
        given = self.sent_fields()
        if "metadata" in given:
            given["details"] = given.pop("metadata")
        return given


class NewEpisode(EpisodeFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    title: Title
    episode_number: EpisodeNumber | None = Field(
        None, description="Must be unused on the branch; by default after the last episode."
    )


class EpisodeChange(EpisodeFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "The Beginning, again"}]})

    title: Title = Field(default_factory=str)
    episode_number: EpisodeNumber = Field(default_factory=int)


class EpisodeAnswer(ObservedAnswer):
    """An episode on a branch. Its `id` is the same on every branch."""

    observed_fields: ClassVar[frozenset[str]] = frozenset(
        {"film", "status", "duration", "duration_seconds", "video_path", "quality_score"}
    )

    id: uuid.UUID
    episode_number: int
    title: str
    synopsis: str
    duration: str | None = Field(
        description="Length of the film as minutes:seconds, or hours:minutes:seconds; null until it is assembled.",
        examples=["24:30"],
    )
    duration_seconds: float | None
    status: EpisodeStatus | None = Field(description=NULL_IN_THE_PAST)
    scenes: list[str] = Field(description="Its scenes in the order of its cut.", examples=[["scene_1", "scene_2"]])
    scene_ids: list[int] | None = Field(description=f"The ids of these scenes. {NULL_IN_THE_PAST}")
    characters: list[str] = Field(description="The characters of its scenes.")
    metadata: dict[str, Any]
    video_path: str | None
    quality_score: float | None = Field(description="Mean score of its accepted takes, 0 to 10; null without any.")
    project_id: int
    branch_name: str | None = Field(description=NULL_IN_THE_PAST)
    version: int | None = Field(description=f"Counts the edits on this branch, from 1. {NULL_IN_THE_PAST}")
    at: str | None = Field(description="The commit or tag of this state; null for the current state.")
    created_at: datetime | None = Field(description=NULL_IN_THE_PAST)
    updated_at: datetime | None = Field(description=NULL_IN_THE_PAST)
    film: EpisodeFilm | None = Field(description=NULL_IN_THE_PAST)

    @classmethod
    def of(
        cls,
        episode: LocatedRow[Episode] | PastEntity,
        contents: EpisodeContents,
        *,
        job: ProductionJob | None = None,
        awaited: Mapping[int, Awaited] = MappingProxyType({}),
    ) -> Self:
        """`job`: the newest one of its film; `awaited`: what it waits for."""
        fields, state = episode.fields, version_fields(episode)
        row = episode.row if isinstance(episode, LocatedRow) else None
        return cls(
            **{name: fields[name] for name in ("episode_number", "title", "synopsis")},
            **{name: value for name, value in state.items() if name not in ("id", "key")},
            id=state["key"],
            metadata=fields["details"],
            duration=None if row is None or row.duration_s is None else format_duration(row.duration_s),
            duration_seconds=row.duration_s if row else None,
            status=current_status(row, job) if row else None,
            scenes=[f"scene_{scene.fields['scene_number']}" for scene in contents.scenes],
            scene_ids=[scene.row.id for scene in contents.scenes if scene.row] if row else None,
            characters=contents.characters,
            video_path=row.video_path if row else None,
            quality_score=contents.score,
            film=EpisodeFilm.of(row, job, awaited) if row else None,
        )


def format_duration(seconds: float) -> str:
    """Write a length as in 24:30 or 1:04:30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, below = divmod(minutes, 60)
    return f"{hours}:{below:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def to_answers(session: Session, found: Sequence[Any]) -> list[EpisodeAnswer]:
    """The answers for current episodes, or for episodes of one past state."""
    located = [entity for entity in found if isinstance(entity, LocatedRow)]
    current = read_contents(session, [entity.row for entity in located])
    past = read_past_contents(session, [entity for entity in found if isinstance(entity, PastEntity)])
    jobs = newest_film_jobs(session, located)
    awaited = find_awaited(session, jobs.values())
    return [
        EpisodeAnswer.of(entity, past[entity.key])
        if isinstance(entity, PastEntity)
        else EpisodeAnswer.of(entity, current[entity.row.id], job=jobs.get(entity.row.id), awaited=awaited)
        for entity in found
    ]
