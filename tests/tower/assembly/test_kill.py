"""An assembly that is killed leaves no half film, and the next one goes on where it was."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tower.assembly.conftest import GoldenFilm
from tower.assembly.cut import EpisodeCut, Shot
from tower.assembly.film import assemble


class KillAt:
    """Kills its own process at a share of the work."""

    def __init__(self, share: float) -> None:
        self._share = share

    def __call__(self, share: float) -> None:
        if share >= self._share:
            os.kill(os.getpid(), signal.SIGKILL)


def run_and_die(cut: EpisodeCut, target: Path, cache: Path, report: Callable[[float], None]) -> None:
    assemble(cut, target, cache, progress=report)


@pytest.mark.parametrize(("share", "clips_kept"), [(0.3, 0), (0.95, 2)], ids=["clips", "film"])
def test_a_killed_assembly_goes_on_where_it_was(
    golden: GoldenFilm, tmp_path: Path, share: float, clips_kept: int
) -> None:
    foreign = golden.cut.items[2]
    assert isinstance(foreign, Shot)
    music = tuple(replace(cue, frames=60) for cue in golden.cut.music)
    cut = EpisodeCut(golden.cut.form, (foreign, replace(foreign, first_frame=6)), golden.cut.transitions[:1], music)
    target, cache = tmp_path / "film.mp4", tmp_path / "cache"
    target.write_bytes(b"before")
    process = multiprocessing.get_context("spawn").Process(target=run_and_die, args=(cut, target, cache, KillAt(share)))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert target.read_bytes() == b"before"
    result = assemble(cut, target, cache)
    assert result.frames == cut.frames
    assert result.clips_cached >= clips_kept
