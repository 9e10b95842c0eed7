"""The markers of a test. They follow from its folder and its fixtures, so tests do not declare them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

FOLDER_MARKERS = {
    "e2e": "e2e",
    "live": "e2e",
    "api/music": "media",
    "tower/beats": "media",
    "tower/conform": "media",
    "tower/media": "media",
    "tower/publishing": "media",
    "tower/quality": "media",
    "tower_animatic": "media",
}
FIXTURE_MARKERS = {
    "postgres": "db",
    "reachable": "db",  # a folder for a separate embedded PostgreSQL
    "prefect": "prefect",
    "browser": "browser",
    "page": "browser",
}
PREFECT_NEEDS = "postgres"  # unlike a test with a fake Prefect server
UNIT = "unit"


def select_markers(path: PurePosixPath, fixtures: Collection[str]) -> frozenset[str]:
    """The markers of a test in `tests/<path>` that uses `fixtures`, including the fixtures that those use."""
    by_folder = {marker for folder, marker in FOLDER_MARKERS.items() if path.is_relative_to(folder)}
    by_fixture = {marker for name, marker in FIXTURE_MARKERS.items() if name in fixtures}
    if PREFECT_NEEDS not in fixtures:
        by_fixture.discard("prefect")
    return frozenset(by_folder | by_fixture) or frozenset({UNIT})
