"""A large file passes through export and import in small pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tower.archives.studio import Studio
from tests.tower.archives.whole_project import insert_whole_project

LARGE = 200 * 2**20  # bytes
GROWTH = 40 * 2**20  # bytes: far below the size of the file, far above one piece
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
CODE = """
import sys
from pathlib import Path
from db.engine import open_engine, session_factory
from tower.addresses import used_form
from tower.archives.exporting import export_project
from tower.archives.importing import import_project
from tower.settings import Settings

def peak():
    said = Path("/proc/self/status").read_text()
    return int(said.split("VmHWM:")[1].split()[0]) * 1024

small, large, home, elsewhere, folder = int(sys.argv[1]), int(sys.argv[2]), *map(Path, sys.argv[3:])
opened = session_factory(open_engine(used_form(Settings().database_url)))
for which, project_id in (("small", small), ("large", large)):
    export_project(opened, project_id, folder / which, settings=Settings(data_dir=home))
    import_project(opened, folder / which, settings=Settings(data_dir=elsewhere))
    print(peak(), (folder / which).stat().st_size)
"""


@needs_linux
def test_memory_does_not_grow_with_the_files(studio: Studio, tmp_path: Path) -> None:
    small = insert_whole_project(studio, name="Small")
    large = insert_whole_project(studio, name="Large")
    take = next(studio.settings.media.rglob("opening.mp4"))
    other = take.with_name("large.mp4")
    os.truncate(make_folder(other), LARGE)
    with studio.sessions.begin() as session:
        session.connection().exec_driver_sql(
            "update anime_api.music_scene_sync y set audio_path = %s from anime_api.scenes s"
            " where s.id = y.scene_id and s.project_id = %s",
            (str(other), large),
        )
    url = studio.sessions.kw["bind"].url.render_as_string(hide_password=False)
    arguments = [str(small), str(large), str(studio.settings.data), str(tmp_path / "elsewhere"), str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        env={**os.environ, "TOWER_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    (before, _), (after, size) = (map(int, line.split()) for line in result.stdout.splitlines())
    assert size > LARGE
    assert after - before < GROWTH


def make_folder(path: Path) -> Path:
    path.touch()
    return path
