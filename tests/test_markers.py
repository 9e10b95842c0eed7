"""The markers of a test follow from its folder and its fixtures."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.markers import select_markers


@pytest.mark.parametrize(
    ("path", "fixtures", "markers"),
    [
        ("tower/sync/test_planning.py", {"tmp_path"}, {"unit"}),
        ("tower/versions/test_branches.py", {"session", "engine", "postgres"}, {"db"}),
        ("flows/test_purge.py", {"prefect", "postgres"}, {"db", "prefect"}),
        ("deployments/test_orphaned_runs.py", {"prefect"}, {"unit"}),
        ("deployments/test_postgres.py", {"reachable"}, {"db"}),
        ("tower/media/test_join.py", {"tmp_path"}, {"media"}),
        ("tower/conform/test_flash_and_click.py", {"browser"}, {"media", "browser"}),
        ("e2e/test_main_job.py", {"stack"}, {"e2e"}),
    ],
)
def test_markers_follow_from_folder_and_fixtures(path: str, fixtures: set[str], markers: set[str]) -> None:
    assert select_markers(PurePosixPath(path), fixtures) == markers


def test_every_marker_in_use_is_registered(pytestconfig: pytest.Config) -> None:
    """--strict-markers only checks markers that a test file names."""
    registered = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert {"unit", "db", "prefect", "media", "browser", "e2e"} <= registered


def test_a_test_without_servers_is_a_unit_test(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("unit")


def test_a_test_with_a_database_is_not_a_unit_test(request: pytest.FixtureRequest, postgres: object) -> None:
    assert request.node.get_closest_marker("db")
    assert not request.node.get_closest_marker("unit")
