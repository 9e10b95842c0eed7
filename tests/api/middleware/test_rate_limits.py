"""Rate limits apply to each key or address separately; the answer is 429 with the time to wait."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.middleware.rate_limits import Rate, RateLimiter
from api.middleware.shared_times import SLOTS
from db.engine import SessionFactory
from db.models.keys import Scope
from tests.api.framed_service import read_error
from tests.api.guarded_service import bearer_headers, create_key, serve_guarded

A = "/api/workflows/kai"


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_accepted_and_refilled_evenly() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate.parse("6/minute"), clock=clock)
    assert [limiter.count_request("kai").remaining for _ in range(6)] == [5, 4, 3, 2, 1, 0]
    refused = limiter.count_request("kai")
    assert (refused.remaining, refused.full_in_s) == (0, 60)
    assert refused.wait_s == pytest.approx(10)
    assert limiter.count_request("rin").wait_s == 0
    clock.now_s += 10
    assert limiter.count_request("kai").wait_s == 0
    assert limiter.count_request("kai").wait_s == pytest.approx(10)
    clock.now_s += 3600
    assert limiter.count_request("kai").remaining == 5


def test_any_hour_accepts_at_most_the_rate_and_one_burst() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate.parse("10/second"), clock=clock)
    let_in = 0
    for _ in range(10_000):
        let_in += limiter.count_request("kai").wait_s == 0
        clock.now_s += 0.01
    assert let_in == pytest.approx(100 * 10 + 10, abs=2)


def test_many_callers_take_no_quota_from_active_ones() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate.parse("10/minute"), clock=clock)
    for number in range(4 * SLOTS):
        limiter.count_request(str(number))
    clock.now_s += 2
    assert [limiter.count_request("kai").remaining for _ in range(10)] == list(range(9, -1, -1))


def test_forked_processes_count_together() -> None:
    limiter = RateLimiter(Rate.parse("3/hour"))
    for _ in range(2):
        if (pid := os.fork()) == 0:
            limiter.count_request("kai")
            os._exit(0)
        os.waitpid(pid, 0)
    assert limiter.count_request("kai").remaining == 0
    assert limiter.count_request("kai").wait_s > 0


@pytest.fixture
def limited_client(sessions: SessionFactory) -> Iterator[TestClient]:
    with serve_guarded(sessions, rate_limit="5/hour") as client:
        yield client


def test_a_request_over_the_limit_is_429_with_the_time_to_wait(limited_client: TestClient) -> None:
    for left in (4, 3, 2, 1, 0):
        answer = limited_client.get(A)
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"default";q=5;w=3600'
        assert answer.headers["RateLimit"].startswith(f'"default";r={left};t=')
    refused = limited_client.get(A)
    assert refused.status_code == 429
    assert read_error(refused)["code"] == "RATE_LIMITED"
    assert 700 < int(refused.headers["Retry-After"]) <= 720
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=3')


def test_health_is_not_counted(limited_client: TestClient) -> None:
    assert [limited_client.get("/api/health").status_code for _ in range(8)] == [200] * 8
    assert limited_client.get(A).headers["RateLimit"].startswith('"default";r=4;')


def test_on_loopback_without_keys_nothing_is_limited(sessions: SessionFactory) -> None:
    with serve_guarded(sessions) as client:
        assert "RateLimit" not in client.get(A).headers


def test_with_keys_a_limit_applies_unless_it_is_off(sessions: SessionFactory) -> None:
    key = bearer_headers(create_key(sessions, Scope.READ))
    with serve_guarded(sessions, require_keys=True) as client:
        assert client.get(A, headers=key).headers["RateLimit-Policy"] == '"default";q=1200;w=60'
    with serve_guarded(sessions, require_keys=True, rate_limit="off") as client:
        assert "RateLimit" not in client.get(A, headers=key).headers


def test_each_key_has_its_own_quota(sessions: SessionFactory) -> None:
    first, second = (bearer_headers(create_key(sessions, Scope.READ, name=name)) for name in ("one", "other"))
    with serve_guarded(sessions, require_keys=True, rate_limit="5/hour") as client:
        statuses = [client.get(A, headers=first).status_code for _ in range(8)]
        assert statuses == [200] * 6 + [429] * 2  # the first request counted for the address, before the key was known
        assert client.get(A, headers=second).status_code == 200


def test_guessing_keys_is_limited(sessions: SessionFactory) -> None:
    create_key(sessions, Scope.READ)
    with serve_guarded(sessions, require_keys=True, rate_limit="5/hour") as client:
        guesses = [client.get(A, headers=bearer_headers(f"tower_{n:012x}_{'x' * 43}")).status_code for n in range(7)]
    assert guesses == [401] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("address", "other_address", "is_same_caller"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_an_ipv6_network_is_one_caller(
    sessions: SessionFactory, address: str, other_address: str, is_same_caller: bool
) -> None:
    create_key(sessions, Scope.READ)
    with serve_guarded(sessions, require_keys=True, rate_limit="1/hour", peer=address) as client:
        assert client.get(A).status_code == 401
        neighbour = TestClient(client.app, client=(other_address, 50_000))
        assert neighbour.get(A).status_code == (429 if is_same_caller else 401)
