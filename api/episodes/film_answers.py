"""What an episode answers about its film."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import JobStatus, ProductionJob
from tower.jobs.waiting import Awaited
from tower.staleness.films import FilmState, compare_film
from tower.story.entities import LocatedRow


class FilmError(BaseModel):
    code: str
    message: str


class FilmJobAnswer(BaseModel):
    """The newest job that makes or made the film. GET /generation/{job_id}/status of the production API says more."""

    job_id: int
    status: JobStatus
    progress: float = Field(ge=0, le=1)
    step: str | None = Field(examples=["waiting for 3 of 5 renders"])
    error: FilmError | None

    @classmethod
    def of(cls, job: ProductionJob, awaited: Awaited | None) -> Self:
        return cls(
            job_id=job.id,
            status=job.status,
            progress=job.progress,
            step=str(awaited) if awaited is not None and awaited.live else job.step,
            error=FilmError(code=job.error_code, message=job.error_message or "") if job.error_code else None,
        )


class EpisodeFilm(BaseModel):
    """The film of an episode, against the cut that would be made now."""

    state: FilmState | None = Field(description="Null in a list and after an edit, if there is a film.")
    reason: str | None = Field(description="Null for a current film.")
    job: FilmJobAnswer | None
    published_path: str | None = Field(description="Its place in the library; null if it is not published.")

    @classmethod
    def of(cls, episode: Episode, job: ProductionJob | None, awaited: Mapping[int, Awaited]) -> Self:
        is_missing = episode.video_path is None
        return cls(
            state=FilmState.MISSING if is_missing else None,
            reason="The episode is not assembled yet" if is_missing else None,
            job=None if job is None else FilmJobAnswer.of(job, awaited.get(job.id)),
            published_path=episode.published_path,
        )

    def compared(self, session: Session, episode: LocatedRow[Episode]) -> Self:
        """The same with the state, for which the cut is planned."""
        age = compare_film(session, episode)
        return self.model_copy(update={"state": age.state, "reason": age.reason})
