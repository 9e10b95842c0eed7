"""The answers for jobs: each job type has its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from api.production.generation.bodies import GenerationStatus
from api.production.generation.fast_bodies import FastGenerationStatus
from api.production.generation.film_answers import FilmStatus
from api.production.generation.round_answers import IntegratedGenerationStatus
from api.production.generation.typed_answers import PersonalGenerationStatus, ProfessionalGenerationStatus
from db.models.jobs import JobType, ProductionJob
from tower.rendering.fast_progress import segment_progress_by_job
from tower.rendering.forecast import NO_FORECAST, forecast_jobs
from tower.rendering.studio import Studio

SingleShotStatus = (
    IntegratedGenerationStatus | ProfessionalGenerationStatus | PersonalGenerationStatus | FilmStatus | GenerationStatus
)
# Without the discriminator pydantic would try every type for every answer.
AnyStatus = Annotated[FastGenerationStatus | SingleShotStatus, Field(discriminator="job_type")]
STATUS_BY_JOB_TYPE: dict[JobType, type[SingleShotStatus]] = {
    JobType.STANDARD: GenerationStatus,
    JobType.INTEGRATED: IntegratedGenerationStatus,
    JobType.PROFESSIONAL: ProfessionalGenerationStatus,
    JobType.PERSONAL: PersonalGenerationStatus,
    JobType.FILM: FilmStatus,
}


def job_status(session: Session, job: ProductionJob, studio: Studio, *, prefect_ui_url: str) -> AnyStatus:
    return job_statuses(session, [job], studio, prefect_ui_url=prefect_ui_url)[0]


def job_statuses(
    session: Session, jobs: Sequence[ProductionJob], studio: Studio, *, prefect_ui_url: str
) -> list[AnyStatus]:
    """The statuses of `jobs`, in the same order."""
    fast = segment_progress_by_job(session, [job for job in jobs if job.job_type == JobType.FAST])
    forecasts = forecast_jobs(session, jobs, studio)

    def answer(job: ProductionJob) -> AnyStatus:
        forecast = forecasts.get(job.id, NO_FORECAST)
        if job.id in fast:
            return FastGenerationStatus.of_fast(job, fast[job.id], forecast=forecast, prefect_ui_url=prefect_ui_url)
        return STATUS_BY_JOB_TYPE[job.job_type].of(job, forecast=forecast, prefect_ui_url=prefect_ui_url)

    return [answer(job) for job in jobs]
