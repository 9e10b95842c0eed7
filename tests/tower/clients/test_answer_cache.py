"""Answers of slow servers are kept, fetched once at a time, and no caller waits long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tower.clients.answer_cache import AnswerCache


@pytest.fixture
def cache() -> Iterator[AnswerCache[int]]:
    opened: AnswerCache[int] = AnswerCache(fresh_s=60, wait_s=0.05)
    yield opened
    opened.close()


def test_a_fresh_answer_is_not_asked_again(cache: AnswerCache[int]) -> None:
    patient: AnswerCache[int] = AnswerCache(fresh_s=60, wait_s=10)
    answers = iter([1, 2])
    assert [patient.get("key", lambda: next(answers)) for _ in range(2)] == [1, 1]
    assert patient.get("other", lambda: next(answers)) == 2
    patient.close()


def test_callers_of_a_silent_server_share_one_question_and_wait_only_a_moment(cache: AnswerCache[int]) -> None:
    asked, answered = [], threading.Event()

    def ask() -> int:
        asked.append(1)
        answered.wait(10)
        return 7

    assert [cache.get("key", ask) for _ in range(3)] == [None, None, None]
    assert len(asked) == 1
    answered.set()
    deadline = time.monotonic() + 10
    while cache.get("key", ask) != 7:
        assert time.monotonic() < deadline
    assert len(asked) == 1


def test_a_caller_that_does_not_wait_gets_the_last_answer_and_fetches_a_newer_one() -> None:
    cache: AnswerCache[int] = AnswerCache(fresh_s=0, wait_s=10)
    assert cache.get("key", lambda: 1, waits=False) is None
    assert cache.get("key", lambda: 2) is not None
    fetched = threading.Event()

    def fetch() -> int:
        fetched.set()
        return 3

    assert cache.get("key", fetch, waits=False) is not None
    assert fetched.wait(10)
    cache.close()


def test_a_question_that_fails_is_asked_again() -> None:
    cache: AnswerCache[int] = AnswerCache(fresh_s=60, wait_s=10)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 // 0)
    assert cache.get("key", lambda: 5) == 5
    cache.close()
