"""The processes that listen: they answer, die without harm, stop when nobody waits, and end."""

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
    made = AnalyserPool(2)
    yield made
    made.stop()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song.wav", even_click_track(120, 8))


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Takes a process some seconds."""
    return write_wav(tmp_path / "long.wav", even_click_track(120, 1200, rate_hz=8000), rate_hz=8000)


def asked(pool: AnalyserPool, path: Path, **more: object) -> Analysis:
    with path.open("rb") as file:
        return pool.analyse(file, **more)  # type: ignore[arg-type]


def test_a_process_hears_what_we_hear(pool: AnalyserPool, song: Path) -> None:
    assert asked(pool, song) == analyse(song)
    assert asked(pool, song, hint=TempoHint(bpm=60)) == analyse(song, TempoHint(bpm=60))


def test_a_bad_file_is_an_answer_and_the_process_goes_on(pool: AnalyserPool, song: Path, tmp_path: Path) -> None:
    asked(pool, song)
    before = pool.process_ids
    (tmp_path / "bad.mp3").write_bytes(b"no music" * 1000)
    with pytest.raises(MediaUnreadableError, match=r"bad\.mp3"):
        asked(pool, tmp_path / "bad.mp3")
    assert pool.process_ids == before
    assert asked(pool, song).bpm == pytest.approx(120, abs=0.5)


def test_a_process_that_was_ended_is_replaced_unnoticed(pool: AnalyserPool, song: Path) -> None:
    asked(pool, song)
    (died,) = pool.process_ids
    os.kill(died, signal.SIGKILL)
    assert asked(pool, song).bpm == pytest.approx(120, abs=0.5)
    assert died not in pool.process_ids


def test_a_process_that_dies_while_it_listens_is_tried_again(pool: AnalyserPool, long: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(asked, pool, long)
        os.kill(busy(pool), signal.SIGSEGV)
        assert found.result(timeout=60).duration_s == pytest.approx(1200, abs=0.1)


def test_a_file_that_always_kills_is_refused_and_others_are_not_touched(
    pool: AnalyserPool, long: Path, song: Path
) -> None:
    with ThreadPoolExecutor(2) as threads:
        found = threads.submit(asked, pool, long)
        first = busy(pool)
        other = threads.submit(asked, pool, song)
        assert other.result(timeout=30).bpm == pytest.approx(120, abs=0.5)
        os.kill(first, signal.SIGSEGV)
        os.kill(busy(pool, but=first), signal.SIGSEGV)
        with pytest.raises(MediaUnreadableError, match="crash"):
            found.result(timeout=30)
    assert asked(pool, song).bpm == pytest.approx(120, abs=0.5)


def test_to_cancel_ends_the_work_at_once(pool: AnalyserPool, long: Path, song: Path) -> None:
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(asked, pool, long, cancelled=cancelled)
        working = busy(pool)
        cancelled.set()
        with pytest.raises(CancelledError):
            found.result(timeout=2)
    assert not psutil.pid_exists(working)
    assert asked(pool, song).bpm == pytest.approx(120, abs=0.5)


def test_a_file_that_takes_too_long_is_given_up(long: Path) -> None:
    pool = AnalyserPool(1, timeout_s=1.0)
    try:
        with pytest.raises(MediaUnreadableError, match="not analysed within"):
            asked(pool, long)
    finally:
        pool.stop()


def test_more_than_there_are_processes_wait_their_turn(pool: AnalyserPool, song: Path) -> None:
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: asked(pool, song), range(6)))
    assert len(set(found)) == 1
    assert len(pool.process_ids) <= 2


def test_stopping_ends_all_processes_and_who_waits_is_told(long: Path) -> None:
    pool = AnalyserPool(1)
    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(asked, pool, long) for _ in range(2)]
        busy(pool)
        (process_id,) = pool.process_ids
        pool.stop()
        for one in found:
            with pytest.raises(UnavailableError):
                one.result(timeout=5)
    assert not psutil.pid_exists(process_id)


def test_a_pool_that_was_stopped_before_it_got_warm_starts_nothing() -> None:
    pool = AnalyserPool(2)
    pool.warm_up(after_s=0.2)
    pool.stop()
    time.sleep(0.4)
    assert pool.process_ids == []


def busy(pool: AnalyserPool, *, but: int | None = None) -> int:
    """The process that is at work, once it is."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for process_id in pool.process_ids:
            with suppress(psutil.Error):  # it has just ended
                if process_id != but and psutil.Process(process_id).num_threads() > 1:  # decoding and listening
                    return process_id
        time.sleep(0.01)
    raise AssertionError("no process got to work")
