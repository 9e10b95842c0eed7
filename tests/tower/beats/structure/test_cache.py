"""The structure of a content is computed once, even if the row or the file is lost. Beats cached earlier stay valid."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import update

from db.engine import SessionFactory
from db.models.beats import BeatAnalysis
from tests.tower.beats.sounds import even_click_track, write_wav
from tower.beats.analysis import analyse
from tower.beats.cache import get_analysis
from tower.beats.results import Analysis, TempoHint
from tower.beats.structure.cache import CachedStructure, find_cached_structure, read_structure
from tower.beats.structure.results import Drop, Key, Section, Structure

FOUND = Structure(
    key=Key("A", "minor", 0.8),
    no_key=None,
    chroma=(1.0, 0.5),
    sections=(Section(0, 4, "A", 0.5), Section(4, 8, "B", 1.0)),
    no_sections=None,
    energy=(0.5, 1.0),
    energy_step_s=0.25,
    drops=(Drop(4, 7.5),),
)
RequestStructure = Callable[..., CachedStructure]


class CountingFinder:
    """Answers and counts the calls."""

    count = 0

    def __call__(self, file: IO[bytes], beats: Analysis) -> Structure:
        self.count += 1
        assert file.tell() == 0
        assert beats.beat_times_s
        return FOUND


@pytest.fixture
def finder() -> CountingFinder:
    return CountingFinder()


@pytest.fixture
def request_structure(sessions: SessionFactory, tmp_path: Path, finder: CountingFinder) -> RequestStructure:
    song = write_wav(tmp_path / "song.wav", even_click_track(120, 8))

    def request(*, force: bool = False) -> CachedStructure:
        with song.open("rb") as file:
            beats = get_analysis(file, sessions=sessions, folder=tmp_path / "cache", analyser=analyse)
            return find_cached_structure(
                file,
                beats,
                hint=TempoHint(),
                sessions=sessions,
                folder=tmp_path / "cache",
                finder=finder,
                force=force,
                cancelled=threading.Event(),
            )

    return request


def test_a_second_request_uses_the_cache_and_force_computes_again(
    request_structure: RequestStructure, finder: CountingFinder, sessions: SessionFactory
) -> None:
    assert [
        request_structure().from_cache,
        request_structure().from_cache,
        request_structure(force=True).from_cache,
    ] == [
        False,
        True,
        False,
    ]
    assert finder.count == 2
    assert request_structure().structure == FOUND
    with sessions() as session:
        (row,) = session.query(BeatAnalysis)
        assert read_structure(session, row.sha256) == FOUND
        assert read_structure(session, row.sha256, TempoHint(bpm=60)) is None


def test_a_new_method_version_keeps_the_beats_and_computes_the_structure_again(
    request_structure: RequestStructure, finder: CountingFinder, sessions: SessionFactory, tmp_path: Path
) -> None:
    request_structure()
    for cached_file in (tmp_path / "cache").glob("??/*.structure-*.json"):
        cached_file.unlink()
    with sessions.begin() as session:
        session.execute(update(BeatAnalysis).values(structure_version=0))
    assert not request_structure().from_cache
    assert finder.count == 2


@pytest.mark.parametrize("damaged_content", [None, b"", b'{"structure": {}}', b"[]"])
def test_a_lost_row_or_file_is_restored_from_the_other(
    request_structure: RequestStructure,
    finder: CountingFinder,
    sessions: SessionFactory,
    tmp_path: Path,
    damaged_content: bytes | None,
) -> None:
    request_structure()
    (cached_file,) = (tmp_path / "cache").glob("??/*.structure-*.json")
    good = cached_file.read_bytes()
    with sessions.begin() as session:
        session.execute(update(BeatAnalysis).values(structure=None, structure_version=None))
    assert request_structure().structure == FOUND
    cached_file.unlink() if damaged_content is None else cached_file.write_bytes(damaged_content)
    assert request_structure().structure == FOUND
    assert cached_file.read_bytes() == good
    assert finder.count == 1
