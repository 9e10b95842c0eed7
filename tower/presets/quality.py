"""The documented quality presets, and the words `high`, `medium` and `low` for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """Size in pixels and sampler settings, as in the customer's documents."""

    name: str
    width: int
    height: int
    steps: int
    cfg: float
    sampler: str = "dpmpp_2m"
    scheduler: str = "karras"


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("ultra_production", 1024, 1024, steps=40, cfg=8.5),
        Preset("current_workflow", 1024, 1024, steps=30, cfg=8.0),
        Preset("fast_preview", 768, 768, steps=20, cfg=7.0),
    )
}
PRESET_NAMES = {"high": "ultra_production", "medium": "current_workflow", "low": "fast_preview"} | {
    name: name for name in PRESETS
}


def get_preset(name: str) -> Preset:
    return PRESETS[name]
