"""The names that a workflow can have."""

from __future__ import annotations

import re

from slugify import slugify

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
ALLOWED = "letters, digits, dots, hyphens and underscores, at most 100"


def check_name(name: object) -> object:
    """Raises ValueError, with a similar name that would do, for a text that cannot be a name."""
    if isinstance(name, str) and not re.match(NAME_PATTERN, name.strip()):
        raise ValueError(f"{ALLOWED}, such as {suggest_name(name)}")
    return name


def suggest_name(text: str) -> str:
    """A name that is similar to the text. Other scripts are written in Latin letters."""
    slug = slugify(text[:200], separator="_", lowercase=False, regex_pattern=r"[^A-Za-z0-9._-]+")
    return slug.lstrip("._-")[:100] or "my_workflow"
