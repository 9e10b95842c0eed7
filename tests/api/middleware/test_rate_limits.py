"""Rate limits: each key or address for itself, 429 with the time to wait."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.middleware.rate_limits import Limiter, Rate
from api.middleware.shared_times import SLOTS
from db.engine import Sessions
from db.models.keys import Scope
from tests.api.framed_service import error_of
from tests.api.guarded_service import bearer, new_key, serving

A = "/api/workflows/kai"


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_let_in_and_given_back_evenly() -> None:
    clock = Clock()
    limiter = Limiter(Rate.parse("6/minute"), clock=clock)
    assert [limiter.ask("kai").left for _ in range(6)] == [5, 4, 3, 2, 1, 0]
    refused = limiter.ask("kai")
    assert (refused.left, refused.whole_in_s) == (0, 60)
    assert refused.wait_s == pytest.approx(10)
    assert limiter.ask("rin").wait_s == 0
    clock.now_s += 10
    assert limiter.ask("kai").wait_s == 0
    assert limiter.ask("kai").wait_s == pytest.approx(10)
    clock.now_s += 3600
    assert limiter.ask("kai").left == 5


def test_over_any_hour_no_more_than_the_rate_and_a_burst_are_let_in() -> None:
    clock = Clock()
    limiter = Limiter(Rate.parse("10/second"), clock=clock)
    let_in = 0
    for _ in range(10_000):
        let_in += limiter.ask("kai").wait_s == 0
        clock.now_s += 0.01
    assert let_in == pytest.approx(100 * 10 + 10, abs=2)


def test_a_crowd_of_callers_takes_no_quota_from_those_who_ask_now() -> None:
    clock = Clock()
    limiter = Limiter(Rate.parse("10/minute"), clock=clock)
    for number in range(4 * SLOTS):
        limiter.ask(str(number))
    clock.now_s += 2
    assert [limiter.ask("kai").left for _ in range(10)] == list(range(9, -1, -1))


def test_forked_processes_count_together() -> None:
    limiter = Limiter(Rate.parse("3/hour"))
    for _ in range(2):
        if (pid := os.fork()) == 0:
            limiter.ask("kai")
            os._exit(0)
        os.waitpid(pid, 0)
    assert limiter.ask("kai").left == 0
    assert limiter.ask("kai").wait_s > 0


@pytest.fixture
def limited(sessions: Sessions) -> Iterator[TestClient]:
    with serving(sessions, rate_limit="5/hour") as client:
        yield client


def test_one_too_many_is_429_with_the_time_to_wait(limited: TestClient) -> None:
    for left in (4, 3, 2, 1, 0):
        answer = limited.get(A)
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"default";q=5;w=3600'
        assert answer.headers["RateLimit"].startswith(f'"default";r={left};t=')
    refused = limited.get(A)
    assert refused.status_code == 429
    assert error_of(refused)["code"] == "RATE_LIMITED"
    assert 700 < int(refused.headers["Retry-After"]) <= 720
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=3')


def test_health_is_not_counted(limited: TestClient) -> None:
    assert [limited.get("/api/health").status_code for _ in range(8)] == [200] * 8
    assert limited.get(A).headers["RateLimit"].startswith('"default";r=4;')


def test_on_loopback_without_keys_nothing_is_limited(sessions: Sessions) -> None:
    with serving(sessions) as client:
        assert "RateLimit" not in client.get(A).headers


def test_with_keys_there_is_a_limit_unless_it_is_off(sessions: Sessions) -> None:
    key = bearer(new_key(sessions, Scope.READ))
    with serving(sessions, require_keys=True) as client:
        assert client.get(A, headers=key).headers["RateLimit-Policy"] == '"default";q=1200;w=60'
    with serving(sessions, require_keys=True, rate_limit="off") as client:
        assert "RateLimit" not in client.get(A, headers=key).headers


def test_each_key_has_its_own_quota(sessions: Sessions) -> None:
    one, other = (bearer(new_key(sessions, Scope.READ, name=name)) for name in ("one", "other"))
    with serving(sessions, require_keys=True, rate_limit="5/hour") as client:
        seen = [client.get(A, headers=one).status_code for _ in range(8)]
        assert seen == [200] * 6 + [429] * 2  # the first was counted for the address: nobody knew the key yet
        assert client.get(A, headers=other).status_code == 200


def test_guessing_keys_is_limited(sessions: Sessions) -> None:
    new_key(sessions, Scope.READ)
    with serving(sessions, require_keys=True, rate_limit="5/hour") as client:
        guesses = [client.get(A, headers=bearer(f"tower_{n:012x}_{'x' * 43}")).status_code for n in range(7)]
    assert guesses == [401] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_an_ipv6_network_is_one_caller(sessions: Sessions, one: str, other: str, same: bool) -> None:
    new_key(sessions, Scope.READ)
    with serving(sessions, require_keys=True, rate_limit="1/hour", peer=one) as client:
        assert client.get(A).status_code == 401
        neighbour = TestClient(client.app, client=(other, 50_000))
        assert neighbour.get(A).status_code == (429 if same else 401)
