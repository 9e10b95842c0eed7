"""The parameters of a generation, validated once and stored with the job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from db.models.jobs import JobType
from tower.media.rates import FrameRate
from tower.names import name_key
from tower.plugins import ENGINE_NAME_PATTERN
from tower.presets.quality import PRESET_NAMES, Preset, get_preset
from tower.settings import AUTO_ENGINE

NO_CHARACTER = "original"  # the name that a request gives when the shot shows no character of the database
MAX_SEED = 2**53 - 1  # the largest integer that JavaScript represents exactly
SideLength = Annotated[int, Field(ge=256, le=2048, multiple_of=2)]  # pixels
SamplerName = Annotated[str, StringConstraints(pattern="^[a-z0-9_+]{1,50}$")]
ModelName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


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


RECIPE_JOB_TYPES = {GenerationType.PROFESSIONAL: JobType.PROFESSIONAL, GenerationType.PERSONAL: JobType.PERSONAL}

# Only opening a job checks that the engine exists: the job of an uninstalled engine stays readable.
EngineChoice = Annotated[str, StringConstraints(pattern=ENGINE_NAME_PATTERN)]


class GenerationSpec(BaseModel):
    """The parameters of one generation. Sizes are in pixels. The quality preset fills a size that is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    negative_prompt: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
    character: ShortText = NO_CHARACTER
    characters: Annotated[tuple[ShortText, ...], Field(max_length=8, strict=False)] = Field(
        (), description="Further characters of the shot, besides `character`."
    )
    scene_type: SceneType = SceneType.DIALOGUE
    duration_s: float = Field(3, ge=1, le=10)
    style: ShortText = "anime"
    type: GenerationType = GenerationType.STANDARD
    quality: Literal["low", "medium", "high", "fast_preview", "current_workflow", "ultra_production"] = "high"
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    project_id: int | None = Field(None, ge=1, le=2**53 - 1)
    width: SideLength | None = None
    height: SideLength | None = None
    fps: FrameRate = 24
    engine: EngineChoice = AUTO_ENGINE
    workflow: ShortText | None = Field(
        None, description="Name of the workflow that ComfyUI renders; null: chosen from the cast."
    )
    model: ModelName | None = Field(None, description="File name of the checkpoint; null: the configured one.")
    steps: int | None = Field(None, ge=1, le=150, description="Sampler steps; null: those of the style or preset.")
    cfg: float | None = Field(None, gt=0, le=30, description="Guidance; null: that of the style or preset.")
    sampler: SamplerName | None = None
    scheduler: SamplerName | None = None
    force: bool = Field(False, description="Render even if an equal take already exists.")
    mood: ShortText | None = Field(
        None, description="Mood of a personal generation; null: the learned one, or the default."
    )

    @model_validator(mode="after")
    def require_both_sides(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height belong together: give both or neither")
        return self

    @model_validator(mode="after")
    def require_personal_mood(self) -> Self:
        if self.mood is not None and self.type != GenerationType.PERSONAL:
            raise ValueError("mood is only for generations of type personal")
        return self

    @property
    def preset(self) -> Preset:
        return get_preset(PRESET_NAMES[self.quality])

    @property
    def character_names(self) -> tuple[str, ...]:
        """The names of the characters in the shot, each once; empty if there are none."""
        unique: dict[str, str] = {}
        for name in (self.character, *self.characters):
            unique.setdefault(name_key(name), name)
        return tuple(name for key, name in unique.items() if key != NO_CHARACTER)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (self.width or self.preset.width, self.height or self.preset.height)

    @property
    def frames(self) -> int:
        return round(self.duration_s * self.fps)


def job_type_for(generation_type: GenerationType) -> JobType:
    """The job type whose recipe makes this type of generation."""
    return RECIPE_JOB_TYPES.get(generation_type, JobType.STANDARD)
