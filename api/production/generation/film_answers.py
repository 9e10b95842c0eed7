"""The answer for the job that makes the film of an episode."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from pydantic import Field

from api.production.generation.bodies import ShotStatus
from db.models.jobs import JobType, ProductionJob
from tower.films.requests import read_request


class FilmStatus(ShotStatus):
    """The film of an episode. `parameters` is its request."""

    job_type: Literal[JobType.FILM]
    episode_id: uuid.UUID
    branch_name: str
    waits_for: list[int] = Field(description="The job_ids of the renders that must end before the film is made.")

    @classmethod
    def extra_fields(cls, job: ProductionJob) -> dict[str, Any]:
        request = read_request(job)
        return {"episode_id": request.episode_key, "branch_name": request.branch, "waits_for": job.waits_for}
