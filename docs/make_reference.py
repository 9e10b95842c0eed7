"""Writes the reference pages from their sources:  make docs"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.reference import commands, errors, settings

ROOT = Path(__file__).parents[1]
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/errors.md": errors.page,
    "docs/settings.md": settings.page,
    "docs/cli-reference.md": commands.page,
    ".env.example": settings.env_example,
}


def main() -> None:
    for path, made in PAGES.items():
        (ROOT / path).write_text(made())


if __name__ == "__main__":
    main()
