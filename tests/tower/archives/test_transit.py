"""What a killed export or import leaves is removed at the next start, and what a live one uses is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.tower.archives.studio import list_files
from tower.archives.transit import remove_abandoned_folders, spool_folder, unpacking_folder
from tower.settings import Settings

KILLED = """
import os, sys
from tower.archives.transit import spool_folder, unpacking_folder
from tower.settings import Settings
settings = Settings(data_dir=sys.argv[1])
with spool_folder(settings) as spooled, unpacking_folder(settings) as unpacked:
    (spooled / "export.tower").write_bytes(b"half")
    (unpacked / "0").write_bytes(b"half")
    os.kill(os.getpid(), 9)
"""


def test_folders_of_a_killed_process_are_removed_and_those_in_use_stay(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert len(list_files(tmp_path)) == 2
    segment = settings.renders / ".partial" / "segment-7.mp4"
    segment.write_bytes(b"a render goes on")
    with spool_folder(settings) as spooled, unpacking_folder(settings) as unpacked:
        assert remove_abandoned_folders(settings) == 2
        assert spooled.is_dir()
        assert unpacked.is_dir()
    assert list_files(tmp_path) == ["renders/.partial/segment-7.mp4"]
    assert list((tmp_path / "cache" / "archives").iterdir()) == []


def test_an_unused_data_folder_has_nothing_to_remove(tmp_path: Path) -> None:
    assert remove_abandoned_folders(Settings(data_dir=tmp_path)) == 0
