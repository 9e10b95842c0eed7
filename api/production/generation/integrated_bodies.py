"""Requests and answers of integrated generations for a project."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.production.generation.bodies import GenerationRequest, GenerationStarted
from db.models.jobs import ProductionJob
from tower.jobs.spec import GenerationSpec, GenerationType, SceneType
from tower.media.rates import FrameRate
from tower.rendering.forecast import Forecast

SingleShotType = Literal[GenerationType.STANDARD, GenerationType.CREATIVE]


class ProjectGenerationRequest(GenerationRequest):
    """A shot for the project of the path. Only `prompt` is required; `type` is standard or creative."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "epic anime scene", "character": "kai", "duration": 5}]}
    )

    type: SingleShotType = GenerationType.STANDARD
    project_id: int | None = Field(
        None, ge=1, le=2**53 - 1, description="Optional, because the path names the project."
    )


class CommandRequest(ProjectGenerationRequest):
    """A shot for the project of the path, with several characters."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompt": "Kai Nakamura standing in a mystical forest, cinematic lighting",
                    "duration": 5,
                    "style": "anime",
                    "characters": ["Kai Nakamura"],
                    "quality": "high",
                }
            ]
        }
    )


class ProjectGenerationStarted(GenerationStarted):
    """The job is stored. It runs as soon as Prefect starts it."""

    request_id: UUID = Field(description="The same as comfyui_job_id.")

    @classmethod
    def of(cls, job: ProductionJob, *, forecast: Forecast) -> Self:
        plain = GenerationStarted.of(job, forecast=forecast).model_dump()
        return cls(**plain, request_id=job.comfyui_job_id)


class ShotMetadata(BaseModel):
    """The shot. `duration` is in seconds, sizes are in pixels."""

    prompt: str
    characters: list[str]
    scene_type: SceneType
    style: str
    duration: float
    quality: str
    width: int
    height: int
    fps: FrameRate
    frames: int
    engine: str

    @classmethod
    def of(cls, spec: GenerationSpec) -> Self:
        width, height = spec.size
        same = ("prompt", "scene_type", "style", "quality", "fps", "frames", "engine")
        fields = {name: getattr(spec, name) for name in same}
        return cls(
            **fields, characters=list(spec.character_names), duration=spec.duration_s, width=width, height=height
        )


class CommandGenerationStarted(ProjectGenerationStarted):
    """The stored job, with a description of the shot."""

    metadata: ShotMetadata

    @classmethod
    def of_shot(cls, job: ProductionJob, spec: GenerationSpec, *, forecast: Forecast) -> Self:
        plain = ProjectGenerationStarted.of(job, forecast=forecast).model_dump()
        return cls(**plain, metadata=ShotMetadata.of(spec))
