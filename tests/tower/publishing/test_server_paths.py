from __future__ import annotations

from pathlib import Path

import pytest

from tower.clients.jellyfin import Library
from tower.publishing.server_paths import PathMap, explain_missing_library, find_library

FOLDERS = PathMap(((Path("/srv"), "/media"), (Path("/srv/library"), "D:\\anime")))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("/srv/library/Kai/a.mp4", "D:\\anime\\Kai\\a.mp4"),
        ("/srv/music/a.mp3", "/media/music/a.mp3"),
        ("/srv2/a.mp4", "/srv2/a.mp4"),
        ("/srv/library", "D:\\anime"),
    ],
)
def test_the_longest_folder_that_contains_a_path_counts(here: str, there: str) -> None:
    assert FOLDERS.to_server(Path(here)) == there


@pytest.mark.parametrize(
    ("location", "is_found"),
    [
        ("/media", True),
        ("/media/anime/", True),
        ("/media/anime", True),
        ("/media/ani", False),
        ("/media/anime/x", False),
    ],
)
def test_a_library_is_found_by_the_folder_that_contains_ours(location: str, is_found: bool) -> None:
    library = Library("1", "Anime", (location,), "tvshows")
    assert (find_library([library], "/media/anime") == library) is is_found


def test_a_missing_library_is_explained_with_those_that_exist() -> None:
    said = explain_missing_library([Library("1", "Films", ("/films",), "movies")], "/media/anime")
    assert "contains /media/anime; its folders are: /films" in said
