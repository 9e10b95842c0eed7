"""An import that does not finish leaves everything unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tower.archives.studio import Studio, count_all_rows, list_files, read_members
from tower.archives.importing import import_project


@pytest.mark.parametrize("when", ["unpacking", "writing"])
def test_an_interrupted_import_changes_nothing(other_studio: Studio, archive: Path, when: str) -> None:
    rows = count_all_rows(other_studio)

    def interrupt(step: str, done: int, total: int) -> None:
        if step == when and done >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_project(other_studio.sessions, archive, settings=other_studio.settings, progress=interrupt)
    assert (count_all_rows(other_studio), list_files(other_studio.settings.data)) == (rows, [])


def test_a_file_that_cannot_be_placed_rolls_the_import_back(other_studio: Studio, archive: Path) -> None:
    """Placing files is the last step before the commit, so some files already have their final names."""
    last = max(name for name in read_members(archive) if name.startswith("media/")).removeprefix("media/")
    for folder in (other_studio.settings.renders, other_studio.settings.media / "imports"):
        folder.mkdir(parents=True)
        (folder / last[:2]).write_bytes(b"in the way")
    rows, files = count_all_rows(other_studio), list_files(other_studio.settings.data)
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        import_project(other_studio.sessions, archive, settings=other_studio.settings)
    assert (count_all_rows(other_studio), list_files(other_studio.settings.data)) == (rows, files)
