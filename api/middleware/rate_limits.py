"""Limits the requests of each caller: of each API key, or of each address without a valid key."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import error_response
from api.middleware.key_check import KeyCache
from api.middleware.shared_times import SharedTimes
from tower.errors import RateLimitedError

WINDOWS_S = {"second": 1, "minute": 60, "hour": 3600}
NETWORK_BITS = 64  # of an IPv6 address: one household or server has a whole network


@dataclass(frozen=True)
class Rate:
    """The requests that a caller may make at once. The quota refills evenly over the window."""

    requests: int
    window_s: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Parse a rate such as '1200/minute'. The unit is second, minute or hour."""
        requests, _, window = text.partition("/")
        return cls(int(requests), WINDOWS_S[window])


@dataclass(frozen=True)
class Quota:
    """A caller's quota after a request. `wait_s` is 0, or the seconds until the next request is allowed."""

    remaining: int
    full_in_s: float
    wait_s: float


class RateLimiter:
    """The generic cell rate algorithm. It keeps one number per caller: the time when its quota will be full again.

    Processes forked after it was made share the counts.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._each_s = rate.window_s / rate.requests
        self._clock = clock
        self._whole_at = SharedTimes()

    def count_request(self, caller: str) -> Quota:
        """Count one request of `caller`, unless it exceeds the quota."""
        now = self._clock()
        before = max(self._whole_at.get(caller), now)
        after = before + self._each_s
        over_s = after - now - self.rate.window_s
        if over_s > 1e-9:
            return Quota(0, before - now, over_s)
        self._whole_at.set(caller, after)
        return Quota(int((self.rate.window_s - (after - now)) / self._each_s + 1e-9), after - now, 0.0)


class RateLimits:
    """429 with Retry-After for a request over the quota; RateLimit and RateLimit-Policy on every answer.

    The headers follow draft-ietf-httpapi-ratelimit-headers-10. This runs before the key check, so that guessing keys is
    limited too.
    """

    def __init__(self, app: ASGIApp, *, limiter: RateLimiter, cache: KeyCache, open_paths: Collection[str]) -> None:
        self.app = app
        self._limiter = limiter
        self._known = cache
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._open:
            await self.app(scope, receive, send)
            return
        standing = self._limiter.count_request(self._caller_name(scope))
        send_limits = self._with_headers(send, standing)
        if standing.wait_s > 0:
            wait_s = math.ceil(standing.wait_s)
            refusal = RateLimitedError(f"Too many requests: try again in {wait_s} s")
            await error_response(scope, refusal, headers={"Retry-After": str(wait_s)})(scope, receive, send_limits)
            return
        await self.app(scope, receive, send_limits)

    def _caller_name(self, scope: Scope) -> str:
        caller = self._known.find_caller(scope)
        return f"address {_network(scope)}" if caller is None else f"key {caller.key_id}"

    def _with_headers(self, send: Send, standing: Quota) -> Send:
        policy = f'"default";q={self._limiter.rate.requests};w={self._limiter.rate.window_s}'
        now = f'"default";r={standing.remaining};t={math.ceil(standing.full_in_s)}'

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"], headers["RateLimit"] = policy, now
            await send(message)

        return send_with_headers


def _network(scope: Scope) -> str:
    """The client's address; for IPv6 its network, because one caller has very many addresses there."""
    host = scope["client"][0] if scope.get("client") else "local"
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> (128 - NETWORK_BITS))
    return str(address)
