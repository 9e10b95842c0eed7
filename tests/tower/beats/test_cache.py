"""Each content is listened to once, whoever asks and however many; each of the two places makes good for the other."""

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


class Counting:
    """Listens for real and counts."""

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
def ask(sessions: SessionFactory, tmp_path: Path, song: Path) -> Callable[..., CachedAnalysis]:
    def asked(listener: Counting, path: Path = song, **more: object) -> CachedAnalysis:
        return get_analysis(path, sessions=sessions, folder=tmp_path / "cache", analyser=listener, **more)  # type: ignore[arg-type]

    return asked


def test_the_second_time_it_is_known(ask: Callable[..., CachedAnalysis], sessions: SessionFactory) -> None:
    listener = Counting()
    first, second = ask(listener), ask(listener)
    assert listener.heard == 1
    assert (first.from_cache, second.from_cache) == (False, True)
    assert first.analysis == second.analysis
    with sessions() as session:
        assert cache.count_cached(session) == 1
        assert cache.find_cached(session, first.sha256) == first.analysis


def test_the_content_counts_not_the_name_and_each_hint_is_another_question(
    ask: Callable[..., CachedAnalysis], song: Path, tmp_path: Path
) -> None:
    listener = Counting()
    ask(listener)
    (tmp_path / "copy.wav").write_bytes(song.read_bytes())
    assert ask(listener, tmp_path / "copy.wav").from_cache
    assert not ask(listener, hint=TempoHint(bpm=60)).from_cache
    assert ask(listener, hint=TempoHint(bpm=60)).from_cache
    assert listener.heard == 2


def test_force_listens_anew_and_keeps_one_row(ask: Callable[..., CachedAnalysis], sessions: SessionFactory) -> None:
    listener = Counting()
    ask(listener)
    assert not ask(listener, force=True).from_cache
    assert listener.heard == 2
    with sessions() as session:
        assert session.scalar(select(func.count(BeatAnalysis.id))) == 1


def test_a_lost_row_comes_back_from_the_disk(ask: Callable[..., CachedAnalysis], sessions: SessionFactory) -> None:
    listener = Counting()
    ask(listener)
    with sessions.begin() as session:
        session.execute(delete(BeatAnalysis))
    assert ask(listener).from_cache
    assert listener.heard == 1
    with sessions() as session:
        assert cache.count_cached(session) == 1


@pytest.mark.parametrize("left", [None, b"", b'{"analysis": {}, "seconds": 1}', b"\xff\xfe", b"[]"])
def test_a_lost_or_broken_file_comes_back_from_the_table(
    ask: Callable[..., CachedAnalysis], tmp_path: Path, left: bytes | None
) -> None:
    listener = Counting()
    first = ask(listener)
    (kept,) = (tmp_path / "cache").glob("??/*.json")
    good = kept.read_bytes()
    kept.unlink() if left is None else kept.write_bytes(left)
    assert ask(listener).analysis == first.analysis
    assert listener.heard == 1
    assert kept.read_bytes() == good


def test_many_threads_that_ask_for_one_track_listen_once(ask: Callable[..., CachedAnalysis]) -> None:
    listener = Counting(lambda: time.sleep(0.2))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: ask(listener), range(8)))
    assert listener.heard == 1
    assert len({one.analysis for one in found}) == 1
    assert sorted(one.from_cache for one in found) == [False, *[True] * 7]


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


def test_two_processes_that_ask_for_one_track_listen_once(sessions: SessionFactory, song: Path, tmp_path: Path) -> None:
    with sessions() as session:
        url = session.get_bind().engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", ASK, str(song), str(tmp_path / "cache"), url]
    asked = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0].split() for process in asked)
    assert said == [["cached"], ["listening", "fresh"]]


def test_who_waits_can_give_up_and_who_listens_goes_on(ask: Callable[..., CachedAnalysis]) -> None:
    begun, cancelled = threading.Event(), threading.Event()
    gate = threading.Event()

    def held() -> None:
        begun.set()
        gate.wait(10)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask, Counting(held))
        assert begun.wait(5)
        second = threads.submit(ask, Counting(), cancelled=cancelled)
        cancelled.set()
        with pytest.raises(CancelledError):
            second.result(timeout=5)
        gate.set()
        assert first.result(timeout=10).analysis.bpm == pytest.approx(120, abs=0.5)


def test_a_file_that_changes_meanwhile_is_not_kept(
    ask: Callable[..., CachedAnalysis], song: Path, sessions: SessionFactory
) -> None:
    def change() -> None:
        write_wav(song, even_click_track(90, 9))

    with pytest.raises(ConflictError):
        ask(Counting(change))
    with sessions() as session:
        assert cache.count_cached(session) == 0


def test_nothing_is_kept_of_an_analysis_that_failed(
    ask: Callable[..., CachedAnalysis], sessions: SessionFactory, tmp_path: Path
) -> None:
    def fail() -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        ask(Counting(fail))
    assert list((tmp_path / "cache").glob("??/*")) == []
    assert not ask(Counting()).from_cache
