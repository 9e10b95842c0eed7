"""Chooses the engine of a machine, and the work queue of an engine."""

from __future__ import annotations

from collections.abc import Collection

from tower.engines.base import EngineEntry
from tower.engines.installed import find_entry, installed_engines, reason_unavailable
from tower.settings import AUTO_ENGINE, Settings

FALLBACK_ENGINE = "animatic"  # renders on any machine
DEFAULT_ENGINES = ("comfyui", FALLBACK_ENGINE)  # Tower uses the first usable one
DEFAULT_QUEUE = "default"  # the queue that Prefect gives every pool


def choose_engine(requested: str, settings: Settings, *, elsewhere: Collection[str] = ()) -> EngineEntry:
    """Choose the requested engine, or the configured one, or the first of DEFAULT_ENGINES usable here or `elsewhere`.

    Raises InvalidError for a name that no engine has, UnavailableError for an engine that cannot be loaded.
    """
    name = settings.engine if requested == AUTO_ENGINE else requested
    if name != AUTO_ENGINE:
        return find_entry(name)
    entries = installed_engines().entries
    candidates = (entries[name] for name in DEFAULT_ENGINES if name in entries)
    usable_entries = (
        candidate
        for candidate in candidates
        if candidate.name in elsewhere or reason_unavailable(candidate, settings) is None
    )
    return next(usable_entries, None) or find_entry(FALLBACK_ENGINE)


def list_usable_engines(settings: Settings) -> list[str]:
    """The names of the engines that this machine can use."""
    entries = installed_engines().entries.values()
    return [candidate.name for candidate in entries if reason_unavailable(candidate, settings) is None]


def work_queue_for(engine: str) -> str:
    """The work queue of the gpu pool whose workers can use this engine."""
    return DEFAULT_QUEUE if engine == FALLBACK_ENGINE else engine
