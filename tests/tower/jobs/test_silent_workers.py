"""A worker is silent once this process has seen no new heartbeat of it for some time; no clock of another counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tower.clients.prefect import WorkerInfo
from tower.jobs.silent_workers import MAX_GAP_S, SilentWorkers

NAME = "cpu@box"
FIRST = datetime(2025, 11, 5, tzinfo=UTC)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workers(clock: Clock) -> SilentWorkers:
    return SilentWorkers(90, clock=clock)


def look(workers: SilentWorkers, clock: Clock, heartbeat: datetime | None, *, after_s: float = 30) -> str | None:
    clock.now_s += after_s
    workers.look([WorkerInfo(NAME, "ONLINE", heartbeat)])
    loss = workers.find_loss(NAME)
    return loss.reason if loss else None


@pytest.mark.parametrize("wrong", [timedelta(0), timedelta(minutes=-20), timedelta(minutes=20)])
def test_a_worker_without_a_new_heartbeat_is_silent_whatever_the_clocks_say(
    workers: SilentWorkers, clock: Clock, wrong: timedelta
) -> None:
    assert [look(workers, clock, FIRST + wrong + timedelta(seconds=30 * n)) for n in range(6)] == [None] * 6
    frozen = FIRST + wrong + timedelta(seconds=150)
    assert [look(workers, clock, frozen) for _ in range(3)] == [None, None, "its worker has sent no heartbeat for 90 s"]
    assert look(workers, clock, frozen + timedelta(seconds=1)) is None


def test_a_time_in_which_nothing_was_seen_does_not_count(workers: SilentWorkers, clock: Clock) -> None:
    look(workers, clock, FIRST)
    assert look(workers, clock, FIRST, after_s=MAX_GAP_S + 600) is None
    assert look(workers, clock, FIRST) is None


def test_a_worker_that_is_unknown_or_sent_nothing_is_not_judged(workers: SilentWorkers, clock: Clock) -> None:
    assert [look(workers, clock, None) for _ in range(6)] == [None] * 6
    assert workers.find_loss("another") is None
    assert workers.find_loss(None) is None
