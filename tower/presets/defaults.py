"""The default model and preset of new generations, set by POST /config and kept in the table `configuration`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.workers import Configuration
from tower.clients.comfyui.errors import ComfyUIError
from tower.errors import InvalidError
from tower.presets.quality import PRESET_NAMES, PRESETS

MODEL, PRESET = "model", "quality_preset"  # keys of the table
DOCUMENTED_MODEL, DOCUMENTED_PRESET = "counterfeit_v3.safetensors", "ultra_production"
NEVER_SET_REASON = "it has not been set: it is the default of Tower"


@dataclass(frozen=True)
class Defaults:
    """The model and preset of new generations.

    `verified`: ComfyUI had the model when it was set; None if it was never set. `reason`: why it is not verified.
    `configured`: which of "model" and "quality" a user has set.
    """

    model: str = DOCUMENTED_MODEL
    quality_preset: str = DOCUMENTED_PRESET
    verified: bool | None = None
    reason: str | None = NEVER_SET_REASON
    updated_at: datetime | None = None
    configured: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ModelChoice:
    """A model that may be stored, and whether ComfyUI has it."""

    name: str
    verified: bool
    reason: str | None = None


def load_defaults(session: Session) -> Defaults:
    """The configured defaults. A value that was never set is the documented one."""
    rows = {
        row.key: row for row in session.scalars(select(Configuration).where(Configuration.key.in_((MODEL, PRESET))))
    }
    set_at = max((row.updated_at for row in rows.values()), default=None)
    never: dict[str, Any] = {"name": DOCUMENTED_MODEL, "verified": None, "reason": NEVER_SET_REASON}
    model = rows[MODEL].value if MODEL in rows else never
    preset = rows[PRESET].value["name"] if PRESET in rows else DOCUMENTED_PRESET
    configured = frozenset(name for name, key in (("model", MODEL), ("quality", PRESET)) if key in rows)
    return Defaults(model["name"], preset, model["verified"], model["reason"], set_at, configured)


def resolve_preset(name: str) -> str:
    """The preset of this name, or of the words "high", "medium" or "low". Raises InvalidError."""
    if name not in PRESET_NAMES:
        raise InvalidError.field(PRESET, name, f"one of {', '.join(PRESETS)}")
    return PRESET_NAMES[name]


def check_model(name: str, list_models: Callable[[], Sequence[str]] | None) -> ModelChoice:
    """Check a model before it is stored. `list_models` returns the names that ComfyUI has; None if there is no ComfyUI.

    Raises InvalidError if ComfyUI answers and does not have the model.
    """
    if list_models is None:
        return ModelChoice(name, verified=False, reason="no ComfyUI is configured: set TOWER_COMFYUI_URL")
    try:
        available = list_models()
    except ComfyUIError as error:
        return ModelChoice(name, verified=False, reason=error.message)
    if name not in available:
        known = ", ".join(sorted(available)) or "none: it has no checkpoints"
        raise InvalidError.field(MODEL, name, f"a model that ComfyUI has ({known})")
    return ModelChoice(name, verified=True)


def save_defaults(session: Session, *, model: ModelChoice | None = None, quality_preset: str | None = None) -> Defaults:
    """Store the given values. The caller commits."""
    if model is not None:
        _save(session, MODEL, {"name": model.name, "verified": model.verified, "reason": model.reason})
    if quality_preset is not None:
        _save(session, PRESET, {"name": quality_preset})
    session.expire_all()
    return load_defaults(session)


def _save(session: Session, key: str, value: dict[str, Any]) -> None:
    changed = {"value": value, "updated_at": func.now()}
    session.execute(
        insert(Configuration).values(key=key, **changed).on_conflict_do_update(index_elements=["key"], set_=changed)
    )
