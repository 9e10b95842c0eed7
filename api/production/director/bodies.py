"""Requests and answers of the director."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from api.http.field_types import EngineChoice, Name, RowId
from api.http.strict_routes import Body
from api.production.generation.integrated_bodies import CommandGenerationStarted, CommandRequest
from tower.director.commands import Command
from tower.jobs.spec import MAX_SEED, ModelName, SamplerName, SideLength
from tower.media.rates import FrameRate
from tower.settings import AUTO_ENGINE

SCENE_EXAMPLE: JsonValue = {
    "project_id": 1,
    "command": "generate_scene",
    "parameters": {"scene_id": 1, "style": "cinematic", "duration": 5, "quality": "high"},
}
VIDEO_EXAMPLE: JsonValue = {
    "project_id": 1,
    "command": "generate_video",
    "parameters": {"prompt": "Kai under the cherry trees", "characters": ["Kai Nakamura"], "duration": 5},
}
Quality = Literal["low", "medium", "high", "fast_preview", "current_workflow", "ultra_production"]


class RenderParameters(Body):
    """Parameters of the render of a scene. A field that is left out is taken from the scene, then from its project."""

    style: Name | None = Field(None, description="The name of a style template.")
    duration: float | None = Field(None, ge=1, le=10, description="Seconds.")
    quality: Quality | None = None
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    width: SideLength | None = None
    height: SideLength | None = None
    fps: FrameRate | None = None
    model: ModelName | None = None
    workflow: Name | None = None
    negative_prompt: Annotated[str, StringConstraints(max_length=2000)] | None = None
    steps: int | None = Field(None, ge=1, le=150)
    cfg: float | None = Field(None, gt=0, le=30)
    sampler: SamplerName | None = None
    scheduler: SamplerName | None = None
    engine: EngineChoice = AUTO_ENGINE
    force: bool = Field(False, description="Render even if an identical take exists.")

    def overrides(self) -> dict[str, Any]:
        """The fields of a GenerationSpec that override the scene's."""
        given = self.model_dump(exclude={"scene_id", "quality", "engine", "duration"}, exclude_none=True)
        return given if self.duration is None else given | {"duration_s": self.duration}


class SceneParameters(RenderParameters):
    """Parameters of `generate_scene`."""

    scene_id: RowId


class VideoParameters(CommandRequest):
    """Parameters of `generate_video`: a shot that belongs to no scene."""


PARAMETERS_BY_COMMAND: dict[Command, type[SceneParameters | VideoParameters]] = {
    Command.GENERATE_SCENE: SceneParameters,
    Command.GENERATE_VIDEO: VideoParameters,
}


class DirectorCommand(Body):
    """A command from a fixed list, with its parameters."""

    model_config = ConfigDict(json_schema_extra={"examples": [SCENE_EXAMPLE, VIDEO_EXAMPLE]})

    project_id: RowId
    command: Annotated[Command, Field(strict=False)]
    parameters: SceneParameters | VideoParameters

    @field_validator("parameters", mode="wrap")
    @classmethod
    def parse_for_command(cls, value: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """Parse the parameters of this command. They are not checked if the command itself is invalid."""
        command = info.data.get("command")
        return value if command is None else PARAMETERS_BY_COMMAND[command].model_validate(value)

    def sent_fields(self) -> dict[str, Any]:
        """The fields that were sent, by their documented names."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class DirectorAnswer(CommandGenerationStarted):
    """The generation that the command started."""

    command: Command
    scene_id: int | None = Field(description="Null for a shot that belongs to no scene.")
    plan_id: int = Field(description="The plan in the director's log.")
    log_id: int = Field(description="The step of this generation in the director's log.")
    decision_id: int = Field(description="The recorded decision; see /decisions.")
