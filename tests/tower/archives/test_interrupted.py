"""An import that does not come to its end leaves all as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tower.archives.studio import Studio, count_all_rows, list_files, read_members
from tower.archives.importing import import_project


@pytest.mark.parametrize("when", ["unpacking", "writing"])
def test_an_import_that_is_interrupted_leaves_nothing(elsewhere: Studio, archive: Path, when: str) -> None:
    rows = count_all_rows(elsewhere)

    def interrupt(what: str, done: int, total: int) -> None:
        if what == when and done >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_project(elsewhere.sessions, archive, settings=elsewhere.settings, progress=interrupt)
    assert (count_all_rows(elsewhere), list_files(elsewhere.settings.data)) == (rows, [])


def test_a_file_that_cannot_be_put_in_place_takes_all_back(elsewhere: Studio, archive: Path) -> None:
    """The last thing before the commit: some files have their names already."""
    last = max(name for name in read_members(archive) if name.startswith("media/")).removeprefix("media/")
    for folder in (elsewhere.settings.renders, elsewhere.settings.media / "imports"):
        folder.mkdir(parents=True)
        (folder / last[:2]).write_bytes(b"in the way")
    rows, files = count_all_rows(elsewhere), list_files(elsewhere.settings.data)
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        import_project(elsewhere.sessions, archive, settings=elsewhere.settings)
    assert (count_all_rows(elsewhere), list_files(elsewhere.settings.data)) == (rows, files)
