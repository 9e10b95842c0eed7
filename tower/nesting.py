"""How deeply JSON of others is nested. Python and PostgreSQL recurse through it, so it is limited before it is used."""

from __future__ import annotations

from typing import Any

MAX_LEVELS = 72  # objects and lists inside each other in one document
MAX_PATH_PARTS = 5  # of a path that is too deep


def find_too_deep(value: Any, *, levels: int = MAX_LEVELS) -> list[str] | None:
    """Return the path of the first object or list below `levels` others; None if there is none."""
    if not isinstance(value, dict | list):
        return None
    if levels == 0:
        return []
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        path = find_too_deep(part, levels=levels - 1)
        if path is not None:
            return [str(key), *path]
    return None


def shorten_path(path: list[str]) -> str:
    """`params.a.b.c.d…` for a deeper path; empty for the document as a whole."""
    return ".".join(path[:MAX_PATH_PARTS]) + ("…" if len(path) > MAX_PATH_PARTS else "")
