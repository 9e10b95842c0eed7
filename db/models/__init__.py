"""Every table. Importing this package makes `Base.metadata` whole."""

from db.base import Base
from db.models import (
    bibles,
    characters,
    culture,
    echo,
    episodes,
    jobs,
    keys,
    learning,
    music,
    preferences,
    projects,
    rendering,
    review,
    scenes,
    schedule,
    story,
    styles,
    versions,
    workers,
    workflows,
)

METADATA = Base.metadata

__all__ = [
    "METADATA",
    "bibles",
    "characters",
    "culture",
    "echo",
    "episodes",
    "jobs",
    "keys",
    "learning",
    "music",
    "preferences",
    "projects",
    "rendering",
    "review",
    "scenes",
    "schedule",
    "story",
    "styles",
    "versions",
    "workers",
    "workflows",
]
