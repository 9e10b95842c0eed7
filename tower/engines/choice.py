"""Chooses the engine of a machine, and the work queue of an engine."""

from __future__ import annotations

from collections.abc import Collection

from tower.engines.base import EngineEntry
from tower.engines.installed import entry, installed, lack_of
from tower.settings import AUTO, Settings

STAND_IN = "animatic"  # renders on any machine
BY_DEFAULT = ("comfyui", STAND_IN)  # Tower uses the first usable one
ANY_WORKER = "default"  # the queue that Prefect gives every pool


def chosen(asked: str, settings: Settings, *, elsewhere: Collection[str] = ()) -> EngineEntry:
    """Choose the requested engine, or the configured one, or the first of BY_DEFAULT usable here or `elsewhere`.

    Raises InvalidError for a name that no engine has, UnavailableError for an engine that cannot be loaded.
    """
    name = settings.engine if asked == AUTO else asked
    if name != AUTO:
        return entry(name)
    entries = installed().entries
    candidates = (entries[name] for name in BY_DEFAULT if name in entries)
    usable_entries = (
        candidate for candidate in candidates if candidate.name in elsewhere or lack_of(candidate, settings) is None
    )
    return next(usable_entries, None) or entry(STAND_IN)


def usable(settings: Settings) -> list[str]:
    """The names of the engines that this machine can use."""
    entries = installed().entries.values()
    return [candidate.name for candidate in entries if lack_of(candidate, settings) is None]


def queue_of(engine: str) -> str:
    """The work queue of the gpu pool whose workers can use this engine."""
    return ANY_WORKER if engine == STAND_IN else engine
