"""An assembly that is killed leaves no half film, and the next one goes on where it was."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tower.assembly.conftest import GoldenFilm
from tower.assembly.cut import EpisodeCut, Shot
from tower.assembly.film import assemble


def die_with(pattern: str, folder: Path) -> None:
    """Kill the own process as soon as a file of this pattern is there."""
    while not any(folder.glob(pattern)):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)


def run_and_die(cut: EpisodeCut, folder: Path, pattern: str) -> None:
    threading.Thread(target=die_with, args=(pattern, folder), daemon=True).start()
    assemble(cut, folder / "film.mp4", folder / "cache")


@pytest.mark.parametrize(
    ("pattern", "clips_kept"),
    [("cache/clips/.*.part*", 0), (".film.*.part*", 2)],
    ids=["clips", "film"],
)
def test_a_killed_assembly_goes_on_where_it_was(
    golden: GoldenFilm, tmp_path: Path, pattern: str, clips_kept: int
) -> None:
    foreign = golden.cut.items[2]
    assert isinstance(foreign, Shot)
    music = tuple(replace(cue, frames=60) for cue in golden.cut.music)
    cut = EpisodeCut(golden.cut.form, (foreign, replace(foreign, first_frame=6)), golden.cut.transitions[:1], music)
    target, cache = tmp_path / "film.mp4", tmp_path / "cache"
    target.write_bytes(b"before")
    process = multiprocessing.get_context("spawn").Process(target=run_and_die, args=(cut, tmp_path, pattern))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert target.read_bytes() == b"before"
    result = assemble(cut, target, cache)
    assert result.frames == cut.frames
    assert result.clips_cached >= clips_kept
