"""Each content is analysed once, for any number of concurrent callers. Row and file restore each other."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import delete, func, select

from db.engine import SessionFactory
from db.models.beats import BeatAnalysis
from tests.tower.beats.sounds import even_click_track, write_wav
from tower.beats import cache
from tower.beats.analysis import analyse
from tower.beats.cache import CachedAnalysis, get_analysis
from tower.beats.results import Analysis, TempoHint
from tower.errors import CancelledError, ConflictError


class CountingAnalyser:
    """Analyses for real and counts the calls."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.heard = 0
        self._before = before

    def __call__(self, file: IO[bytes], hint: TempoHint) -> Analysis:
        self.heard += 1
        self._before()
        return analyse(file, hint)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song.wav", even_click_track(120, 8))


@pytest.fixture
def request_analysis(sessions: SessionFactory, tmp_path: Path, song: Path) -> Callable[..., CachedAnalysis]:
    def request(listener: CountingAnalyser, path: Path = song, **more: object) -> CachedAnalysis:
        return get_analysis(path, sessions=sessions, folder=tmp_path / "cache", analyser=listener, **more)  # type: ignore[arg-type]

    return request


def test_a_second_request_uses_the_cache(
    request_analysis: Callable[..., CachedAnalysis], sessions: SessionFactory
) -> None:
    listener = CountingAnalyser()
    first, second = request_analysis(listener), request_analysis(listener)
    assert listener.heard == 1
    assert (first.from_cache, second.from_cache) == (False, True)
    assert first.analysis == second.analysis
    with sessions() as session:
        assert cache.count_cached(session) == 1
        assert cache.find_cached(session, first.sha256) == first.analysis


def test_the_content_is_the_key_and_each_hint_has_its_own_entry(
    request_analysis: Callable[..., CachedAnalysis], song: Path, tmp_path: Path
) -> None:
    listener = CountingAnalyser()
    request_analysis(listener)
    (tmp_path / "copy.wav").write_bytes(song.read_bytes())
    assert request_analysis(listener, tmp_path / "copy.wav").from_cache
    assert not request_analysis(listener, hint=TempoHint(bpm=60)).from_cache
    assert request_analysis(listener, hint=TempoHint(bpm=60)).from_cache
    assert listener.heard == 2


def test_force_analyses_again_and_keeps_one_row(
    request_analysis: Callable[..., CachedAnalysis], sessions: SessionFactory
) -> None:
    listener = CountingAnalyser()
    request_analysis(listener)
    assert not request_analysis(listener, force=True).from_cache
    assert listener.heard == 2
    with sessions() as session:
        assert session.scalar(select(func.count(BeatAnalysis.id))) == 1


def test_a_lost_row_is_restored_from_the_file(
    request_analysis: Callable[..., CachedAnalysis], sessions: SessionFactory
) -> None:
    listener = CountingAnalyser()
    request_analysis(listener)
    with sessions.begin() as session:
        session.execute(delete(BeatAnalysis))
    assert request_analysis(listener).from_cache
    assert listener.heard == 1
    with sessions() as session:
        assert cache.count_cached(session) == 1


@pytest.mark.parametrize("damaged_content", [None, b"", b'{"analysis": {}, "seconds": 1}', b"\xff\xfe", b"[]"])
def test_a_lost_or_broken_file_is_restored_from_the_row(
    request_analysis: Callable[..., CachedAnalysis], tmp_path: Path, damaged_content: bytes | None
) -> None:
    listener = CountingAnalyser()
    first = request_analysis(listener)
    (cached_file,) = (tmp_path / "cache").glob("??/*.json")
    good = cached_file.read_bytes()
    cached_file.unlink() if damaged_content is None else cached_file.write_bytes(damaged_content)
    assert request_analysis(listener).analysis == first.analysis
    assert listener.heard == 1
    assert cached_file.read_bytes() == good


def test_many_threads_that_request_one_track_analyse_it_once(request_analysis: Callable[..., CachedAnalysis]) -> None:
    listener = CountingAnalyser(lambda: time.sleep(0.2))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: request_analysis(listener), range(8)))
    assert listener.heard == 1
    assert len({answer.analysis for answer in answers}) == 1
    assert sorted(answer.from_cache for answer in answers) == [False, *[True] * 7]


ASK = """
import sys, time
from pathlib import Path
from db.engine import open_engine, session_factory
from tower.beats.analysis import analyse
from tower.beats.cache import get_analysis
def slow(file, hint):
    print("listening", flush=True)
    time.sleep(1.5)
    return analyse(file, hint)
song, folder, url = sys.argv[1:]
sessions = session_factory(open_engine(url))
found = get_analysis(Path(song), sessions=sessions, folder=Path(folder), analyser=slow)
print("cached" if found.from_cache else "fresh")
"""


def test_two_processes_that_request_one_track_analyse_it_once(
    sessions: SessionFactory, song: Path, tmp_path: Path
) -> None:
    with sessions() as session:
        url = session.get_bind().engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", ASK, str(song), str(tmp_path / "cache"), url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = sorted(process.communicate(timeout=60)[0].split() for process in processes)
    assert outputs == [["cached"], ["listening", "fresh"]]


def test_a_waiting_caller_can_cancel_while_the_analysis_continues(
    request_analysis: Callable[..., CachedAnalysis],
) -> None:
    started, cancelled = threading.Event(), threading.Event()
    gate = threading.Event()

    def wait_at_gate() -> None:
        started.set()
        gate.wait(60)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(request_analysis, CountingAnalyser(wait_at_gate))
        assert started.wait(30)
        second = threads.submit(request_analysis, CountingAnalyser(), cancelled=cancelled)
        cancelled.set()
        with pytest.raises(CancelledError):
            second.result(timeout=30)
        gate.set()
        assert first.result(timeout=60).analysis.bpm == pytest.approx(120, abs=0.5)


def test_an_analysis_is_not_cached_if_the_file_changes_meanwhile(
    request_analysis: Callable[..., CachedAnalysis], song: Path, sessions: SessionFactory
) -> None:
    def change() -> None:
        write_wav(song, even_click_track(90, 9))

    with pytest.raises(ConflictError):
        request_analysis(CountingAnalyser(change))
    with sessions() as session:
        assert cache.count_cached(session) == 0


def test_a_failed_analysis_is_not_cached(
    request_analysis: Callable[..., CachedAnalysis], sessions: SessionFactory, tmp_path: Path
) -> None:
    def fail() -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        request_analysis(CountingAnalyser(fail))
    assert list((tmp_path / "cache").glob("??/*")) == []
    assert not request_analysis(CountingAnalyser()).from_cache
