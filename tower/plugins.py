"""Entry points: what installed distributions declare that Tower may use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

ENGINES = "tower.engines"
NAME = r"^[a-z][a-z0-9_-]{0,39}$"  # of an engine
REINSTALL = "reinstall Tower: pip install -e ."  # entry points are written down when a distribution is installed


@cache
def declared(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of the group by name, sorted; several where distributions disagree. Read once a process.

    Imports nothing of what they name.
    """
    found = entry_points(group=group)
    return {name: tuple(found.select(name=name)) for name in sorted(found.names)}
