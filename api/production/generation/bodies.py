"""Requests and answers of generations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from api.http.field_types import EngineChoice
from api.http.synonyms import rename_synonyms
from db.models.jobs import JobStatus, JobType, ProductionJob, Stage
from tower.jobs.production import PRODUCTION_STEP, Source
from tower.jobs.spec import GenerationSpec, GenerationType, SceneType
from tower.rendering.forecast import Forecast
from tower.settings import AUTO_ENGINE

SHARED_FIELDS = (
    *("project_id", "scene_id", "commit_hash"),
    *("job_type", "status", "stage", "step", "progress", "prompt", "parameters", "seed", "engine"),
    *("attempt", "warnings", "quality_score", "output_path", "created_at", "updated_at", "started_at", "ended_at"),
)  # columns of the row that are fields of the answer
QUEUE_POSITION = Field(
    None, description="Its place among the waiting generations, from 1; null for one that does not wait."
)
GENERATION_PATH = "/api/anime/generation"
STANDARD_EXAMPLE: dict[str, JsonValue] = {
    "prompt": "cyberpunk detective walking in neon city",
    "character": "kai",
    "scene_type": "action",
    "duration": 5,
    "style": "anime",
    "type": "standard",
}
PERSONAL_EXAMPLE: dict[str, JsonValue] = {"prompt": "the last train home", "type": "personal", "mood": "melancholic"}


class GenerationRequest(GenerationSpec):
    """A shot. Only `prompt` is required; `duration` is in seconds, sizes are in pixels."""

    model_config = ConfigDict(
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [STANDARD_EXAMPLE, {"prompt": "test", "duration": 3}, PERSONAL_EXAMPLE]},
    )

    duration_s: float = Field(3, ge=1, le=10, alias="duration")
    # not strict: enums arrive as text
    scene_type: Annotated[SceneType, Field(strict=False)] = SceneType.DIALOGUE
    type: Annotated[GenerationType, Field(strict=False)] = GenerationType.STANDARD
    engine: EngineChoice = AUTO_ENGINE

    @model_validator(mode="before")
    @classmethod
    def rename_synonyms(cls, data: Any) -> Any:
        return rename_synonyms(cls, data)

    def named_fields(self) -> dict[str, Any]:
        """The fields of a GenerationSpec that the request names; null names nothing."""
        return self.model_dump(exclude_unset=True, exclude_none=True)

    def sent_fields(self) -> dict[str, Any]:
        """The fields that were sent, by their documented names."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class GenerationStarted(BaseModel):
    """The job is stored. It runs as soon as Prefect starts it."""

    job_id: int
    id: str
    generation_id: str = Field(examples=["gen_109"])
    comfyui_job_id: UUID
    status: JobStatus
    job_type: JobType
    project_id: int | None
    seed: int
    created_at: datetime
    status_url: str = Field(examples=["/api/anime/generation/109/status"])
    video_url: str = Field(
        examples=["/api/anime/generation/109/video"], description="Available once the job is completed."
    )
    warnings: list[str]
    queue_position: int | None = QUEUE_POSITION
    estimated_completion: datetime | None = Field(
        description="Estimated from the queue before it and from earlier jobs here, scaled by pixels; null if unknown."
    )

    @classmethod
    def of(cls, job: ProductionJob, *, forecast: Forecast) -> Self:
        return cls(
            **id_fields(job),
            status=job.status,
            job_type=job.job_type,
            project_id=job.project_id,
            seed=job.seed,
            created_at=job.created_at,
            video_url=video_url(job),
            warnings=job.warnings,
            queue_position=forecast.place,
            estimated_completion=(
                None if forecast.eta_s is None else job.created_at + timedelta(seconds=forecast.eta_s)
            ),
        )


class GenerationError(BaseModel):
    code: str
    message: str


class GenerationProgress(BaseModel):
    """Progress or result of a generation. Unknown fields are null."""

    id: str
    job_id: int
    generation_id: str
    comfyui_job_id: UUID
    project_id: int | None
    scene_id: int | None = Field(description="The scene that it renders, if any.")
    commit_hash: str | None = Field(description="The commit of the scene's branch that it renders.")
    job_type: JobType
    status: JobStatus
    stage: Stage
    step: str | None = Field(examples=["frame 12 of 72"])
    progress: float = Field(ge=0, le=1, description="0…1, never decreases.")
    prompt: str
    parameters: dict[str, Any] = Field(description="The validated parameters, with defaults.")
    parameter_sources: dict[str, Source] | None = Field(
        description="Where each parameter comes from; null for a generation of an older version of Tower."
    )
    seed: int
    engine: str | None = Field(description="The engine that rendered it.")
    attempt: int
    warnings: list[str]
    error: GenerationError | None
    quality_score: float | None = Field(
        ge=0,
        le=10,
        description="Technical faults of the clip: 10 is none, below 5 is a rejection. A professional generation also "
        "counts the likeness to its reference image. It judges neither beauty nor whether the picture shows what the "
        "prompt says. Null until the clip is judged.",
    )
    output_path: str | None
    status_url: str
    video_url: str | None = Field(description="Null until it is completed.")
    prefect_run_url: str | None
    queue_position: int | None = QUEUE_POSITION
    eta_s: float | None = Field(
        description="Seconds left: at its own speed while it renders, by the queue before it while it waits. A pause "
        "of the queue is not counted. Null if unknown, and after the end."
    )
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ShotStatus(GenerationProgress):
    """A generation of one shot. Each subclass has its own `job_type` and returns its own fields from `extra_fields`."""

    estimated_completion: datetime | None = Field(description="`eta_s` as a time.")

    @classmethod
    def of(cls, job: ProductionJob, *, forecast: Forecast, prefect_ui_url: str) -> Self:
        ends_at = None if forecast.eta_s is None else datetime.now(UTC) + timedelta(seconds=forecast.eta_s)
        progress = progress_fields(job, forecast=forecast, prefect_ui_url=prefect_ui_url)
        return cls(**progress, estimated_completion=ends_at, **cls.extra_fields(job))

    @classmethod
    def extra_fields(cls, job: ProductionJob) -> dict[str, Any]:  # noqa: ARG003 (subclasses use it)
        return {}


class GenerationStatus(ShotStatus):
    """A generation of one shot."""

    job_type: Literal[JobType.STANDARD]


def progress_fields(job: ProductionJob, *, forecast: Forecast, prefect_ui_url: str) -> dict[str, Any]:
    """The fields of GenerationProgress for `job`. A job that waits shows the queue instead of its own step."""
    has_run = job.flow_run_id is not None
    is_completed = job.status == JobStatus.COMPLETED
    return {
        **id_fields(job),
        **{name: getattr(job, name) for name in SHARED_FIELDS},
        "parameter_sources": PRODUCTION_STEP.read(job),
        "error": GenerationError(code=job.error_code, message=job.error_message or "") if job.error_code else None,
        "video_url": video_url(job) if is_completed else None,
        "prefect_run_url": f"{prefect_ui_url}/runs/flow-run/{job.flow_run_id}" if has_run else None,
        "stage": forecast.stage or job.stage,
        "step": forecast.step or job.step,
        "queue_position": forecast.place,
        "eta_s": forecast.eta_s,
    }


def video_url(job: ProductionJob) -> str:
    return f"{GENERATION_PATH}/{job.id}/video"


def id_fields(job: ProductionJob) -> dict[str, Any]:
    """The ids and the status URL of a job."""
    return {
        "id": str(job.id),
        "job_id": job.id,
        "generation_id": f"gen_{job.id}",
        "comfyui_job_id": job.comfyui_job_id,
        "status_url": f"{GENERATION_PATH}/{job.id}/status",
    }
