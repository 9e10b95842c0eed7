"""The installed engines. The distribution of each engine declares it as an entry point."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint

from tower.engines.base import Engine, EngineEntry
from tower.errors import InvalidError, TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.plugins import ENGINE_NAME_PATTERN, ENGINES_GROUP, REINSTALL_HINT, declared_entry_points
from tower.settings import AUTO_ENGINE, Settings

BUNDLED_ENGINES = ("animatic", "comfyui")
RESERVED_NAMES = (AUTO_ENGINE, "default")  # the value for no chosen engine, and the work queue of every gpu worker


class EngineUnavailableError(UnavailableError):
    """A declared engine that cannot be used on this machine."""

    code = ErrorCode.ENGINE_UNAVAILABLE


@dataclass(frozen=True)
class InstalledEngines:
    """`entries`: the engines that can be used, by name. `broken`: the reason for each other engine, in one sentence."""

    entries: Mapping[str, EngineEntry]
    broken: Mapping[str, str]


@cache
def installed_engines() -> InstalledEngines:
    """All declared engines. Each process imports their entries once, and does not load the engines themselves."""
    entries: dict[str, EngineEntry] = {}
    broken: dict[str, str] = {}
    for name, points in declared_entry_points(ENGINES_GROUP).items():
        try:
            entries[name] = _load_entry(name, points)
        except Exception as error:  # third-party code may raise anything, and the other engines stay usable
            broken[name] = f"{_describe_source(points)}: {_describe_error(error)}"
    return InstalledEngines(entries, broken)


def find_entry(name: str) -> EngineEntry:
    """Raises InvalidError for a name that no engine has, UnavailableError for an engine that cannot be loaded."""
    found = installed_engines()
    if name in found.entries:
        return found.entries[name]
    if name in found.broken:
        raise EngineUnavailableError(f"The engine {name!r} cannot be loaded: {found.broken[name]}")
    if name in BUNDLED_ENGINES:
        raise EngineUnavailableError(f"The engine {name!r} comes with Tower and is not declared here: {REINSTALL_HINT}")
    raise InvalidError.field("engine", name, format_engine_names())


def format_engine_names() -> str:
    """The valid values of `engine` for a sentence: 'auto', 'animatic' or 'comfyui'."""
    *first, last = (repr(name) for name in (AUTO_ENGINE, *installed_engines().entries))
    return f"{', '.join(first)} or {last}" if first else last


def reason_unavailable(engine_entry: EngineEntry, settings: Settings) -> str | None:
    """One sentence about what this machine lacks to use the engine; None if it lacks nothing."""
    try:
        return engine_entry.lacks(settings)
    except Exception as error:  # third-party code may raise anything
        return f"The engine {engine_entry.name!r} cannot tell whether it is usable: {_describe_error(error)}"


def open_engine(name: str, settings: Settings) -> Engine:
    """Load the engine. Raises InvalidError for an unknown name, UnavailableError if this machine cannot load it."""
    found = find_entry(name)
    try:
        return found.open(settings)
    except TowerError:
        raise
    except Exception as error:  # third-party code may raise anything
        raise EngineUnavailableError(f"The engine {name!r} cannot be opened here: {_describe_error(error)}") from error


def _load_entry(name: str, points: Sequence[EntryPoint]) -> EngineEntry:
    """Import the entry. Raises InvalidError for a wrong declaration, and any error of the import."""
    if len(points) > 1:
        raise InvalidError("only one may have this name")
    if not re.match(ENGINE_NAME_PATTERN, name) or name in RESERVED_NAMES:
        raise InvalidError(
            f"a name begins with a letter, contains only a-z, 0-9, - and _, and is none of {', '.join(RESERVED_NAMES)}"
        )
    found = points[0].load()
    if not isinstance(found, EngineEntry):
        raise InvalidError("it is not a tower.engines.base.EngineEntry")
    if found.name != name:
        raise InvalidError(f"it calls itself {found.name!r}")
    if not isinstance(found.version, str) or not found.version:
        raise InvalidError("its version must be a text that is not empty")
    return found


def _describe_source(points: Sequence[EntryPoint]) -> str:
    """`sketch_engine.entry:ENTRY of sketch-engine 0.3`"""
    return " and ".join(f"{point.value} of {point.dist.name} {point.dist.version}" for point in points if point.dist)


def _describe_error(error: Exception) -> str:
    if isinstance(error, TowerError):
        return error.message
    first_line = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {first_line}"[:300]
