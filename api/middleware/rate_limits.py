"""How often one caller may ask: each key, or each address without a good key, for itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import error_response
from api.middleware.key_check import KnownKeys
from api.middleware.shared_times import SharedTimes
from tower.errors import RateLimitedError

WINDOWS_S = {"second": 1, "minute": 60, "hour": 3600}
NETWORK_BITS = 64  # of an IPv6 address: what one household or server has


@dataclass(frozen=True)
class Rate:
    """So many requests at once, given back evenly over the window."""

    requests: int
    window_s: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """'1200/minute'."""
        requests, _, window = text.partition("/")
        return cls(int(requests), WINDOWS_S[window])


@dataclass(frozen=True)
class Standing:
    """A caller's quota after a request. `wait_s`: 0, or the seconds until the next request will be let in."""

    left: int
    whole_in_s: float
    wait_s: float


class Limiter:
    """The generic cell rate algorithm: one number a caller, the time at which its quota will be whole again.

    Processes that are forked after its making count together.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._each_s = rate.window_s / rate.requests
        self._clock = clock
        self._whole_at = SharedTimes()

    def ask(self, caller: str) -> Standing:
        """Count one request, unless it is one too many."""
        now = self._clock()
        before = max(self._whole_at.get(caller), now)
        after = before + self._each_s
        over_s = after - now - self.rate.window_s
        if over_s > 1e-9:
            return Standing(0, before - now, over_s)
        self._whole_at.set(caller, after)
        return Standing(int((self.rate.window_s - (after - now)) / self._each_s + 1e-9), after - now, 0.0)


class RateLimits:
    """429 with Retry-After for one request too many; RateLimit and RateLimit-Policy on every answer.

    The headers are those of draft-ietf-httpapi-ratelimit-headers-10. Stands before the key check, so that guessing keys
    is limited too.
    """

    def __init__(self, app: ASGIApp, *, limiter: Limiter, known: KnownKeys, open_paths: Collection[str]) -> None:
        self.app = app
        self._limiter = limiter
        self._known = known
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._open:
            await self.app(scope, receive, send)
            return
        standing = self._limiter.ask(self._caller(scope))
        told = self._telling(send, standing)
        if standing.wait_s > 0:
            wait_s = math.ceil(standing.wait_s)
            refusal = RateLimitedError(f"Too many requests: try again in {wait_s} s")
            await error_response(scope, refusal, headers={"Retry-After": str(wait_s)})(scope, receive, told)
            return
        await self.app(scope, receive, told)

    def _caller(self, scope: Scope) -> str:
        caller = self._known.caller(scope)
        return f"address {_network(scope)}" if caller is None else f"key {caller.key_id}"

    def _telling(self, send: Send, standing: Standing) -> Send:
        policy = f'"default";q={self._limiter.rate.requests};w={self._limiter.rate.window_s}'
        now = f'"default";r={standing.left};t={math.ceil(standing.whole_in_s)}'

        async def telling(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"], headers["RateLimit"] = policy, now
            await send(message)

        return telling


def _network(scope: Scope) -> str:
    """The address of the peer; of IPv6 the network, as one caller has very many addresses there."""
    host = scope["client"][0] if scope.get("client") else "local"
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> (128 - NETWORK_BITS))
    return str(address)
