"""What `tower doctor` finds out about Jellyfin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.checks import outside
from tests.fakes.jellyfin.server import KEY, FakeJellyfin
from tower.addresses import Address
from tower.settings import Settings


@pytest.fixture
def jellyfin(tmp_path: Path) -> Iterator[FakeJellyfin]:
    with FakeJellyfin(tmp_path / "library", location="/media/anime") as fake:
        yield fake


def check(jellyfin: FakeJellyfin, *, key: str | None = None, path_map: str = "") -> tuple[str, str]:
    """The status and the finding of the last check."""
    settings = Settings(
        library_dir=jellyfin.root, jellyfin_url=Address(jellyfin.url), jellyfin_key=key, jellyfin_path_map=path_map
    )
    found = outside.check_jellyfin(settings)[-1]
    return found.status, found.found


def test_a_library_that_looks_into_the_folder_is_named(jellyfin: FakeJellyfin) -> None:
    status, found = check(jellyfin, key=KEY, path_map=f"{jellyfin.root}=/media/anime")
    assert (status, found) == ("ok", "Jellyfin's library Anime looks into /media/anime")


def test_a_folder_that_no_library_looks_into_fails(jellyfin: FakeJellyfin) -> None:
    status, found = check(jellyfin, key=KEY)
    assert status == "fail"
    assert found == f"No library of Jellyfin contains {jellyfin.root}; its folders are: /media/anime"


def test_a_wrong_key_fails_and_no_key_warns(jellyfin: FakeJellyfin) -> None:
    assert check(jellyfin, key="wrong")[0] == "fail"
    assert check(jellyfin) == ("warn", "Jellyfin is not asked: no key is set")


def test_without_a_jellyfin_films_go_to_a_folder() -> None:
    (found,) = outside.check_jellyfin(Settings())
    assert found.found == "not configured: films are published to a folder"


def test_a_key_that_is_no_administrators_is_accepted_with_a_warning(jellyfin: FakeJellyfin) -> None:
    jellyfin.faults.is_admin = False
    assert check(jellyfin, key=KEY)[0] == "warn"
