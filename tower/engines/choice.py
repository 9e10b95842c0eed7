"""Which engine renders on a machine, and where segments for it wait."""

from __future__ import annotations

from collections.abc import Collection

from tower.engines.base import EngineEntry
from tower.engines.installed import entry, installed, lack_of
from tower.settings import AUTO, Settings

STAND_IN = "animatic"  # renders anywhere
BY_DEFAULT = ("comfyui", STAND_IN)  # the first that can be used
ANY_WORKER = "default"  # Prefect's own queue of a pool


def chosen(asked: str, settings: Settings, *, elsewhere: Collection[str] = ()) -> EngineEntry:
    """What was asked for, or what is set, or the first of BY_DEFAULT that this machine has or that is `elsewhere`.

    Raises InvalidError for a name that no engine has, UnavailableError for an engine that cannot be loaded.
    """
    wanted = settings.engine if asked == AUTO else asked
    if wanted != AUTO:
        return entry(wanted)
    there = installed().entries
    usable = (there[name] for name in BY_DEFAULT if name in there)
    fit = (found for found in usable if found.name in elsewhere or lack_of(found, settings) is None)
    return next(fit, None) or entry(STAND_IN)


def usable(settings: Settings) -> list[str]:
    """The engines that this machine lacks nothing for, by name."""
    return [name for name, found in installed().entries.items() if lack_of(found, settings) is None]


def queue_of(engine: str) -> str:
    """The work queue of the pool gpu whose workers can render with this engine."""
    return ANY_WORKER if engine == STAND_IN else engine
