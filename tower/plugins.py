"""Reads the entry points that installed distributions declare for Tower."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

ENGINES_GROUP = "tower.engines"
ENGINE_NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,39}$"  # a valid name of an engine
REINSTALL_HINT = "reinstall Tower: pip install -e ."  # pip records the entry points at installation


@cache
def declared_entry_points(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of the group by name, sorted; several distributions may declare the same name.

    Each process reads them once. This does not import the objects that they name.
    """
    points = entry_points(group=group)
    return {name: tuple(points.select(name=name)) for name in sorted(points.names)}
