"""The engines that are installed here, each declared as an entry point by the distribution that brings it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint

from tower.engines.base import Engine, EngineEntry
from tower.errors import InvalidError, TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.plugins import ENGINES, NAME, REINSTALL, declared
from tower.settings import AUTO, Settings

OURS = ("animatic", "comfyui")
RESERVED = (AUTO, "default")  # no engine is asked for; the work queue that every gpu worker takes from


class EngineUnavailableError(UnavailableError):
    """An engine that is declared and cannot be used here."""

    code = ErrorCode.ENGINE_UNAVAILABLE


@dataclass(frozen=True)
class Installed:
    """`entries`: the engines that can be asked for. `broken`: why each other one cannot be, in one sentence."""

    entries: Mapping[str, EngineEntry]
    broken: Mapping[str, str]


@cache
def installed() -> Installed:
    """All engines by name. Their entries are imported once a process, the engines themselves are not."""
    entries: dict[str, EngineEntry] = {}
    broken: dict[str, str] = {}
    for name, points in declared(ENGINES).items():
        try:
            entries[name] = _entry_of(name, points)
        except Exception as error:  # of others' code: whatever it raises, the other engines go on
            broken[name] = f"{_declared_by(points)}: {_in_words(error)}"
    return Installed(entries, broken)


def entry(name: str) -> EngineEntry:
    """Raises InvalidError for a name that no engine has, UnavailableError for an engine that cannot be loaded."""
    found = installed()
    if name in found.entries:
        return found.entries[name]
    if name in found.broken:
        raise EngineUnavailableError(f"The engine {name!r} cannot be loaded: {found.broken[name]}")
    if name in OURS:
        raise EngineUnavailableError(f"The engine {name!r} comes with Tower and is not declared here: {REINSTALL}")
    raise InvalidError.field("engine", name, names())


def names() -> str:
    """What can be asked for, as a sentence has it: 'auto', 'animatic' or 'comfyui'."""
    *first, last = (repr(name) for name in (AUTO, *installed().entries))
    return f"{', '.join(first)} or {last}" if first else last


def lack_of(found: EngineEntry, settings: Settings) -> str | None:
    """What this machine lacks to render with it, in one sentence; None if nothing."""
    try:
        return found.lacks(settings)
    except Exception as error:  # of others' code
        return f"The engine {found.name!r} does not say whether it can be used: {_in_words(error)}"


def open_engine(name: str, settings: Settings) -> Engine:
    """The engine itself, with all that it imports. Raises UnavailableError where this machine cannot."""
    found = entry(name)
    try:
        return found.open(settings)
    except TowerError:
        raise
    except Exception as error:  # of others' code
        raise EngineUnavailableError(f"The engine {name!r} cannot be opened here: {_in_words(error)}") from error


def _entry_of(name: str, points: Sequence[EntryPoint]) -> EngineEntry:
    """Raises InvalidError for what is declared wrongly, and whatever the import raises."""
    if len(points) > 1:
        raise InvalidError("only one of them can have it")
    if not re.match(NAME, name) or name in RESERVED:
        raise InvalidError(f"a name is made of a-z, 0-9, - and _, begins with a letter, and is none of {RESERVED}")
    found = points[0].load()
    if not isinstance(found, EngineEntry):
        raise InvalidError("it is no tower.engines.base.EngineEntry")
    if found.name != name:
        raise InvalidError(f"it calls itself {found.name!r}")
    if not isinstance(found.version, str) or not found.version:
        raise InvalidError("its version is no text, or empty")
    return found


def _declared_by(points: Sequence[EntryPoint]) -> str:
    """`sketch_engine.entry:ENTRY of sketch-engine 0.3`"""
    return " and ".join(f"{one.value} of {one.dist.name} {one.dist.version}" for one in points if one.dist)


def _in_words(error: Exception) -> str:
    if isinstance(error, TowerError):
        return error.message
    first_line = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {first_line}"[:300]
