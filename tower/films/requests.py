"""What the job of a film makes: the parameters of its job."""

from __future__ import annotations

import uuid
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from db.models.jobs import ProductionJob
from tower.jobs.spec import EngineChoice


class RenderChoice(StrEnum):
    """Which scenes are rendered before the film is made."""

    STALE = "stale"  # those without a take, and those whose take is stale
    NONE = "none"  # the film shows the takes that are there


class FilmRequest(BaseModel):
    """The film of an episode on a branch, or its trailer of `trailer_seconds`.

    `quality` and `engine` replace those of the scenes that are rendered. `publish`: also put the film into the library.
    `publication_id`: the publication that it became.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    episode_key: uuid.UUID
    project_id: int
    branch: str
    render: RenderChoice = RenderChoice.STALE
    quality: str | None = None
    engine: EngineChoice | None = None
    publish: bool = False
    trailer_seconds: float | None = None
    publication_id: int | None = None


def read_request(job: ProductionJob) -> FilmRequest:
    """The parameters of a film's job."""
    return FilmRequest.model_validate(job.parameters)
