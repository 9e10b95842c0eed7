"""Style templates by name, and the sampler settings that they override."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models.styles import StyleTemplate
from tower.errors import InvalidError
from tower.names import name_key
from tower.presets.quality import Preset

SettingName = Annotated[str, StringConstraints(pattern="^[a-z0-9_+]{1,50}$")]


class SamplerSettings(BaseModel):
    """The settings of a style, named as in ComfyUI's KSampler. The quality preset decides the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[int, Field(ge=1, le=150)] = 30
    cfg: Annotated[float, Field(gt=0, le=30)] = 8.0
    sampler: SettingName = "dpmpp_2m"
    scheduler: SettingName = "karras"


def apply_style(style: StyleTemplate, preset: Preset) -> Preset:
    """The preset with the settings of the style. Raises InvalidError for invalid settings, which a commit may bring."""
    try:
        settings = SamplerSettings.model_validate(style.sampler_settings or {})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(("sampler_settings", *map(str, first["loc"])))
        raise InvalidError.field(name, style.sampler_settings, f"{first['msg']} in the style {style.name}") from error
    return replace(preset, **settings.model_dump(exclude_unset=True))


def find_style(session: Session, name: str, *, project_id: int | None) -> StyleTemplate:
    """The project's template of this name, or else the built-in one. Raises InvalidError, which lists the names."""
    visible = or_(StyleTemplate.project_id.is_(None), StyleTemplate.project_id == project_id)
    rows = select(StyleTemplate.name, StyleTemplate.id).where(visible)
    names = session.execute(rows.order_by(StyleTemplate.project_id.nulls_last(), StyleTemplate.id)).all()
    key = name_key(name)
    found = next((row.id for row in names if name_key(row.name) == key), None)
    if found is None:
        known = sorted({row.name for row in names})
        raise InvalidError.field("style", name, "one of " + ", ".join(known))
    return session.get_one(StyleTemplate, found)
