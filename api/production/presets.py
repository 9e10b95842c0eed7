"""The defaults of new generations, and the quality presets."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.strict_routes import Body, strict_router
from tower.models.catalogue import list_checkpoints
from tower.presets.defaults import Defaults, ModelChoice, check_model, load_defaults, resolve_preset, save_defaults
from tower.presets.quality import PRESET_NAMES, PRESETS, Preset, get_preset
from tower.settings import Settings

router = strict_router(prefix="/api/anime", tags=["configuration"])


class QualityPreset(BaseModel):
    """Size in pixels and sampler settings. `also_called` lists other values of `quality` for this preset."""

    name: str = Field(examples=["ultra_production"])
    width: int = Field(examples=[1024])
    height: int = Field(examples=[1024])
    steps: int = Field(examples=[40])
    cfg: float = Field(examples=[8.5])
    sampler: str = Field(examples=["dpmpp_2m"])
    scheduler: str = Field(examples=["karras"])
    also_called: list[str] = Field(examples=[["high"]])
    default: bool = Field(description="Used by new generations without a `quality`.")

    @classmethod
    def of(cls, preset: Preset, *, chosen: str) -> Self:
        words = [word for word, name in PRESET_NAMES.items() if name == preset.name != word]
        return cls(**asdict(preset), also_called=words, default=preset.name == chosen)


class QualityPresets(BaseModel):
    presets: list[QualityPreset]


class ConfigurationChange(Body):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "counterfeit_v3.safetensors", "quality_preset": "ultra_production"}]}
    )

    model: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    quality_preset: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None

    @model_validator(mode="after")
    def require_a_change(self) -> Self:
        if self.model is None and self.quality_preset is None:
            raise ValueError("model, quality_preset or both")
        return self


class CurrentConfiguration(BaseModel):
    """The defaults of new generations."""

    model: str = Field(examples=["counterfeit_v3.safetensors"])
    quality_preset: str = Field(examples=["ultra_production"])
    verified: bool | None = Field(description="Whether ComfyUI had the model when it was set; null if none was set.")
    reason: str | None = Field(description="Why the model is not verified.")
    preset: QualityPreset
    updated_at: datetime | None

    @classmethod
    def of(cls, found: Defaults) -> Self:
        preset = QualityPreset.of(get_preset(found.quality_preset), chosen=found.quality_preset)
        return cls(**asdict(found), preset=preset)


@router.get("/quality-presets")
def quality_presets(session: ReadingSession) -> QualityPresets:
    """The quality presets, and which one is the default."""
    chosen = load_defaults(session).quality_preset
    return QualityPresets(presets=[QualityPreset.of(preset, chosen=chosen) for preset in PRESETS.values()])


@router.get("/config")
def current_configuration(session: ReadingSession) -> CurrentConfiguration:
    """The default model and preset of new generations."""
    return CurrentConfiguration.of(load_defaults(session))


@router.post("/config", responses=error_responses(400, 413, 415))
def change_configuration(
    body: ConfigurationChange, session: DatabaseSession, settings: CurrentSettings
) -> CurrentConfiguration:
    """Set the defaults. A model that ComfyUI lacks is refused; without ComfyUI it is accepted unverified."""
    preset = None if body.quality_preset is None else resolve_preset(body.quality_preset)
    model = None if body.model is None else _checked(body.model, settings)
    with session.begin():
        return CurrentConfiguration.of(save_defaults(session, model=model, quality_preset=preset))


def _checked(name: str, settings: Settings) -> ModelChoice:
    url = settings.comfyui
    return check_model(name, None if url is None else partial(list_checkpoints, url))
