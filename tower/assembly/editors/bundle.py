"""OTIOZ: the timeline and its media in one file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import opentimelineio as otio

from tower.assembly.editors.timeline import relink

FIRST_ZIP_S = 315_619_200  # 1980-01-02: a zip archive holds no earlier date, and writing one raises


def write_bundle(timeline: otio.schema.Timeline, files: Iterable[Path], target: Path) -> None:
    """Write `target`, which must not exist. `files` are all that `timeline`, which is changed, refers to."""
    with tempfile.TemporaryDirectory(prefix="tower-otioz-") as folder:
        links = {file: Path(folder) / name for file, name in _unique_names(files).items()}
        for file, link in links.items():
            if file.stat().st_mtime < FIRST_ZIP_S:
                shutil.copyfile(file, link)
            else:
                link.symlink_to(file.absolute())
        relink(timeline, links)
        otio.adapters.write_to_file(timeline, str(target), "otioz")


def _unique_names(files: Iterable[Path]) -> dict[Path, str]:
    """A name for each file. Names that differ in their case alone are one name on some systems."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for file in dict.fromkeys(files):
        name, number = file.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{file.stem}-{number}{file.suffix}"
        taken.add(name.casefold())
        names[file] = name
    return names
