"""The entry point of the animatic engine."""

from __future__ import annotations

from tower.engines.base import Engine, EngineEntry
from tower.settings import Settings

NAME = "animatic"
VERSION = "1.1.0"


def _open(_settings: Settings) -> Engine:
    from tower_animatic.engine import AnimaticEngine  # imported late: it loads picture libraries

    return AnimaticEngine()


ENTRY = EngineEntry(NAME, VERSION, _open, uses_trained_model=False)
