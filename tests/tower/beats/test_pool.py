"""The analysis processes answer, are replaced when they die, stop when a caller cancels, and end with the pool."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.tower.beats.sounds import even_click_track, write_wav
from tower.beats.analysis import analyse
from tower.beats.pool import AnalyserPool
from tower.beats.results import Analysis, TempoHint
from tower.errors import CancelledError, UnavailableError
from tower.media.decode import MediaUnreadableError


@pytest.fixture
def pool() -> Iterator[AnalyserPool]:
    opened_pool = AnalyserPool(2)
    yield opened_pool
    opened_pool.stop()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song.wav", even_click_track(120, 8))


@pytest.fixture
def long_song(tmp_path: Path) -> Path:
    """Occupies a process for some seconds."""
    return write_wav(tmp_path / "long.wav", even_click_track(120, 1200, rate_hz=8000), rate_hz=8000)


def request_analysis(pool: AnalyserPool, path: Path, **more: object) -> Analysis:
    with path.open("rb") as file:
        return pool.analyse(file, **more)  # type: ignore[arg-type]


def test_a_process_gives_the_same_analysis_as_this_one(pool: AnalyserPool, song: Path) -> None:
    assert request_analysis(pool, song) == analyse(song)
    assert request_analysis(pool, song, hint=TempoHint(bpm=60)) == analyse(song, TempoHint(bpm=60))


def test_a_process_can_be_reached_by_its_pool_only(pool: AnalyserPool, song: Path) -> None:
    request_analysis(pool, song)
    [worker] = [child for child in psutil.Process().children() if "tower.beats.worker" in child.cmdline()]
    sockets = worker.net_connections("all")
    assert [socket for socket in sockets if socket.laddr] == []
    assert sockets != []


def test_a_bad_file_is_an_answer_and_the_process_continues(pool: AnalyserPool, song: Path, tmp_path: Path) -> None:
    request_analysis(pool, song)
    process_ids = pool.process_ids
    (tmp_path / "bad.mp3").write_bytes(b"no music" * 1000)
    with pytest.raises(MediaUnreadableError, match=r"bad\.mp3"):
        request_analysis(pool, tmp_path / "bad.mp3")
    assert pool.process_ids == process_ids
    assert request_analysis(pool, song).bpm == pytest.approx(120, abs=0.5)


def test_an_idle_process_that_ended_is_replaced(pool: AnalyserPool, song: Path) -> None:
    request_analysis(pool, song)
    (died,) = pool.process_ids
    os.kill(died, signal.SIGKILL)
    assert request_analysis(pool, song).bpm == pytest.approx(120, abs=0.5)
    assert died not in pool.process_ids


def test_a_process_that_dies_during_an_analysis_is_retried(pool: AnalyserPool, long_song: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(request_analysis, pool, long_song)
        os.kill(wait_for_busy_process(pool), signal.SIGSEGV)
        assert future.result(timeout=60).duration_s == pytest.approx(1200, abs=0.1)


def test_a_file_that_always_kills_its_process_is_refused_without_affecting_others(
    pool: AnalyserPool, long_song: Path, song: Path
) -> None:
    with ThreadPoolExecutor(2) as threads:
        future = threads.submit(request_analysis, pool, long_song)
        first = wait_for_busy_process(pool)
        other = threads.submit(request_analysis, pool, song)
        assert other.result(timeout=30).bpm == pytest.approx(120, abs=0.5)
        os.kill(first, signal.SIGSEGV)
        os.kill(wait_for_busy_process(pool, but=first), signal.SIGSEGV)
        with pytest.raises(MediaUnreadableError, match="crash"):
            future.result(timeout=30)
    assert request_analysis(pool, song).bpm == pytest.approx(120, abs=0.5)


def test_cancelling_ends_the_work_at_once(pool: AnalyserPool, long_song: Path, song: Path) -> None:
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(request_analysis, pool, long_song, cancelled=cancelled)
        working = wait_for_busy_process(pool)
        cancelled.set()
        with pytest.raises(CancelledError):
            future.result(timeout=20)
    assert not psutil.pid_exists(working)
    assert request_analysis(pool, song).bpm == pytest.approx(120, abs=0.5)


def test_a_file_that_takes_too_long_is_abandoned(long_song: Path) -> None:
    pool = AnalyserPool(1, timeout_s=1.0)
    try:
        with pytest.raises(MediaUnreadableError, match="not analysed within"):
            request_analysis(pool, long_song)
    finally:
        pool.stop()


def test_requests_beyond_the_number_of_processes_wait(pool: AnalyserPool, song: Path) -> None:
    with ThreadPoolExecutor(6) as threads:
        analyses = list(threads.map(lambda _: request_analysis(pool, song), range(6)))
    assert len(set(analyses)) == 1
    assert len(pool.process_ids) <= 2


def test_stopping_ends_all_processes_and_fails_the_waiting_callers(long_song: Path) -> None:
    pool = AnalyserPool(1)
    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(request_analysis, pool, long_song) for _ in range(2)]
        wait_for_busy_process(pool)
        (process_id,) = pool.process_ids
        pool.stop()
        for future in futures:
            with pytest.raises(UnavailableError):
                future.result(timeout=30)
    assert not psutil.pid_exists(process_id)


def test_a_pool_stopped_during_warm_up_starts_no_process() -> None:
    pool = AnalyserPool(2)
    pool.warm_up(after_s=0.2)
    pool.stop()
    time.sleep(0.4)
    assert pool.process_ids == []


def wait_for_busy_process(pool: AnalyserPool, *, but: int | None = None) -> int:
    """Wait for the process that is at work and return it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process_id in pool.process_ids:
            with suppress(psutil.Error):  # it has just ended
                if process_id != but and psutil.Process(process_id).num_threads() > 1:  # Decoding and analysis.
                    return process_id
        time.sleep(0.01)
    raise AssertionError("no process got to work")
