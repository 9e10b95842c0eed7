"""Requests and answers of fast generations, with one segment per second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.production.generation.bodies import (
    QUEUE_POSITION,
    GenerationProgress,
    GenerationRequest,
    id_fields,
    progress_fields,
    video_url,
)
from api.production.generation.durations import format_duration
from db.models.jobs import JobStatus, JobType, ProductionJob
from tower.jobs.spec import GenerationType
from tower.rendering.fast_progress import PlannedSegment, SegmentProgress
from tower.rendering.forecast import Forecast

TIME_LEFT = Field(
    examples=["4 minutes"],
    description="Estimated time left, as `eta_s` of a status; null if unknown, and after the end.",
)


def _require_whole_seconds(duration_s: float) -> float:
    if duration_s != int(duration_s):
        raise ValueError("a whole number of seconds: a fast generation has one segment per second")
    return duration_s


def _require_fast_type(kind: GenerationType) -> GenerationType:
    if kind not in (GenerationType.STANDARD, GenerationType.CREATIVE):
        raise ValueError("standard or creative: other types have their own recipes")
    return kind


class FastGenerationRequest(GenerationRequest):
    """A shot in segments of one second. Only `prompt` is required; `duration` is in whole seconds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "samurai battle scene", "character": "original", "duration": 3},
                {"prompt": "test fast", "duration": 2},
            ]
        }
    )

    duration_s: Annotated[float, AfterValidator(_require_whole_seconds)] = Field(3, ge=1, le=10, alias="duration")
    type: Annotated[GenerationType, Field(strict=False), AfterValidator(_require_fast_type)] = GenerationType.STANDARD


class SegmentTask(BaseModel):
    """A segment to render. Neighbouring segments are cross-faded over the frames that they share."""

    segment: int = Field(description="Counts from 1.", examples=[1])
    start_frame: int = Field(description="Its first frame in the video.", examples=[0])
    frames: int = Field(description="Rendered frames, including those shared with the next segment.", examples=[28])
    overlap_frames: int = Field(description="Frames shared with the next segment, if there is one.", examples=[4])


class FastGenerationStarted(BaseModel):
    """The job is stored. Its segments run in parallel as soon as Prefect starts it."""

    job_id: int
    id: str
    generation_id: str = Field(examples=["gen_113"])
    batch_id: UUID = Field(description="The same as comfyui_job_id.")
    comfyui_job_id: UUID
    status: JobStatus
    job_type: JobType
    project_id: int | None
    total_segments: int = Field(examples=[3])
    segment_tasks: list[SegmentTask]
    seed: int
    created_at: datetime
    status_url: str = Field(examples=["/api/anime/generation/113/status"])
    video_url: str = Field(
        examples=["/api/anime/generation/113/video"], description="Available once the job is completed."
    )
    warnings: list[str]
    queue_position: int | None = QUEUE_POSITION
    estimated_completion: str | None = TIME_LEFT

    @classmethod
    def of(cls, job: ProductionJob, plan: Sequence[PlannedSegment], *, forecast: Forecast) -> Self:
        return cls(
            **id_fields(job),
            batch_id=job.comfyui_job_id,
            status=job.status,
            job_type=job.job_type,
            project_id=job.project_id,
            total_segments=len(plan),
            segment_tasks=[SegmentTask(**asdict(segment)) for segment in plan],
            seed=job.seed,
            created_at=job.created_at,
            video_url=video_url(job),
            warnings=job.warnings,
            queue_position=forecast.place,
            estimated_completion=None if forecast.eta_s is None else format_duration(forecast.eta_s),
        )


class FastGenerationStatus(GenerationProgress):
    """A fast generation. While it runs, every segment is in exactly one list; waiting ones are in `processing`."""

    job_type: Literal[JobType.FAST]
    batch_id: UUID
    total_segments: int
    segments_completed: list[int]
    segments_failed: list[int]
    segments_processing: list[int] = Field(
        description="Empty after the end. A segment stopped by the end is in no list."
    )
    estimated_completion: str | None = TIME_LEFT

    @classmethod
    def of_fast(cls, job: ProductionJob, segments: SegmentProgress, *, forecast: Forecast, prefect_ui_url: str) -> Self:
        return cls(
            **progress_fields(job, forecast=forecast, prefect_ui_url=prefect_ui_url),
            batch_id=job.comfyui_job_id,
            total_segments=segments.total,
            segments_completed=segments.completed,
            segments_failed=segments.failed,
            segments_processing=segments.processing,
            estimated_completion=None if forecast.eta_s is None else format_duration(forecast.eta_s),
        )
