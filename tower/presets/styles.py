"""Style templates by name, and what they set of the sampler."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.models.styles import StyleTemplate
from tower.errors import InvalidError
from tower.presets.quality import Preset

Word = Annotated[str, StringConstraints(pattern="^[a-z0-9_+]{1,50}$")]


class SamplerSettings(BaseModel):
    """What a style sets; what it leaves out the quality preset decides. Names as ComfyUI's KSampler has them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[int, Field(ge=1, le=150)] = 30
    cfg: Annotated[float, Field(gt=0, le=30)] = 8.0
    sampler: Word = "dpmpp_2m"
    scheduler: Word = "karras"


def preset_in(style: StyleTemplate, preset: Preset) -> Preset:
    """The preset with what the style sets. Raises InvalidError for settings that a commit brought and nobody knows."""
    try:
        settings = SamplerSettings.model_validate(style.sampler_settings or {})
    except ValidationError as refused:
        first = refused.errors()[0]
        name = ".".join(("sampler_settings", *map(str, first["loc"])))
        raise InvalidError.field(name, style.sampler_settings, f"{first['msg']} in the style {style.name}") from refused
    return replace(preset, **settings.model_dump(exclude_unset=True))


def find_style(session: Session, name: str, *, project_id: int | None) -> StyleTemplate:
    """The project's own template of this name, or else the built-in one. Raises InvalidError that lists the names."""
    visible = or_(StyleTemplate.project_id.is_(None), StyleTemplate.project_id == project_id)
    style = session.scalar(
        select(StyleTemplate)
        .where(visible, func.lower(StyleTemplate.name) == name.lower())
        .order_by(StyleTemplate.project_id.nulls_last())
        .limit(1)
    )
    if style is None:
        known = session.scalars(select(StyleTemplate.name).where(visible).order_by(StyleTemplate.name).distinct())
        raise InvalidError.field("style", name, "one of " + ", ".join(known))
    return style
