"""What may be asked of a generation, validated once and kept with the job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from db.models.jobs import JobType
from tower.errors import NotBuiltError
from tower.presets import QUALITIES, Preset, preset_of

MAX_SEED = 2**53 - 1  # the largest that JavaScript and JSON tools keep exactly
Side = Annotated[int, Field(ge=256, le=2048, multiple_of=2)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class SceneType(StrEnum):
    DIALOGUE = "dialogue"
    ACTION = "action"
    EMOTIONAL = "emotional"
    EPIC = "epic"


class GenerationType(StrEnum):
    STANDARD = "standard"
    CREATIVE = "creative"
    PROFESSIONAL = "professional"
    PERSONAL = "personal"


class EngineChoice(StrEnum):
    AUTO = "auto"
    ANIMATIC = "animatic"
    COMFYUI = "comfyui"


class GenerationSpec(BaseModel):
    """The parameters of one generation. Sizes in pixels; what is None follows from the quality preset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    negative_prompt: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
    character: Line = "original"
    scene_type: SceneType = SceneType.DIALOGUE
    duration_s: float = Field(3, ge=1, le=10)
    style: Line = "anime"
    type: GenerationType = GenerationType.STANDARD
    quality: Literal["low", "medium", "high", "fast_preview", "current_workflow", "ultra_production"] = "high"
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    project_id: int | None = Field(None, ge=1, le=2**53 - 1)
    width: Side | None = None
    height: Side | None = None
    fps: int = Field(24, ge=1, le=60)
    engine: EngineChoice = EngineChoice.AUTO
    workflow: Line | None = Field(None, description="Name of the graph that ComfyUI renders; None: chosen by the cast.")
    model: Line | None = Field(None, description="File name of the checkpoint; None: as configured.")
    force: bool = Field(False, description="Render even where an equal take is there already.")

    @model_validator(mode="after")
    def both_sides_or_neither(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together: give both or neither")
        return self

    @property
    def preset(self) -> Preset:
        return preset_of(QUALITIES[self.quality])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return (self.width or self.preset.width, self.height or self.preset.height)

    @property
    def frames(self) -> int:
        return round(self.duration_s * self.fps)


def job_type_of(kind: GenerationType) -> JobType:
    """The recipe that makes this type. Raises NotBuiltError for a recipe that Tower does not have yet."""
    if kind in (GenerationType.PROFESSIONAL, GenerationType.PERSONAL):
        raise NotBuiltError(f"The {kind} recipe is not built yet; use type standard or creative")
    return JobType.STANDARD
