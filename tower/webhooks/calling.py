"""Makes calls: to the checked address, signed, without redirects, and bounded in time.

The body of the answer is not read. Several calls are made at once, so that a slow receiver does not delay the others.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from functools import partial

import anyio
import httpx
from anyio import to_thread

from tower.addresses import tls_context
from tower.errors import ForbiddenError
from tower.errors.foreign import one_line
from tower.webhooks.outbox import CallResult, DueCall
from tower.webhooks.signing import sign
from tower.webhooks.targets import Target, resolve

DEADLINE_S = 15.0  # of one call, from the look-up of the name to the head of the answer
USER_AGENT = "Tower-Webhooks/1"
GONE = 410  # by which a receiver says that it wants no more calls


def make_calls(calls: Sequence[DueCall], *, allow_private: bool, deadline_s: float = DEADLINE_S) -> list[CallResult]:
    """Make all calls at once and return their results in the same order."""
    return anyio.run(partial(_make_calls, calls, allow_private=allow_private, deadline_s=deadline_s))


async def _make_calls(calls: Sequence[DueCall], *, allow_private: bool, deadline_s: float) -> list[CallResult]:
    results = [CallResult(None, f"It did not answer within {deadline_s:g} s")] * len(calls)

    async def make(number: int, call: DueCall) -> None:
        with anyio.move_on_after(deadline_s):
            results[number] = await _make_call(call, allow_private=allow_private)

    async with anyio.create_task_group() as group:
        for number, call in enumerate(calls):
            group.start_soon(make, number, call)
    return results


async def _make_call(call: DueCall, *, allow_private: bool) -> CallResult:
    try:
        find = partial(resolve, call.url, allow_private=allow_private)
        target = await to_thread.run_sync(find, abandon_on_cancel=True)
    except ForbiddenError as error:
        return CallResult(None, error.message, is_final=True)
    except (OSError, UnicodeError):
        return CallResult(None, "The name of the receiver has no address")
    try:
        return _judge(await _post(call, target))
    except httpx.HTTPError as error:
        return CallResult(None, _describe(error))


async def _post(call: DueCall, target: Target) -> int:
    headers = {
        "Host": target.host_header,
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        **sign(call.secrets, call.message_id, int(time.time()), call.body),
    }
    extensions = {"sni_hostname": target.host}  # certificates are those of the name, not of the address
    async with (
        httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S, follow_redirects=False, verify=tls_context()) as http,
        http.stream(
            "POST", target.connect_url, content=call.body.encode(), headers=headers, extensions=extensions
        ) as answer,
    ):
        return answer.status_code


def _judge(status: int) -> CallResult:
    if 200 <= status < 300:
        return CallResult(status)
    if 300 <= status < 400:
        return CallResult(status, f"It answered {status}; redirects are not followed")
    return CallResult(status, f"It answered {status}", is_final=status == GONE)


def _describe(error: httpx.HTTPError) -> str:
    """Why a call failed, in our own words: the texts of the library name addresses and files."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return one_line(f"Its certificate is not accepted: {cause.verify_message}", 200)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "It cannot be connected to"
    if isinstance(error, httpx.TimeoutException):
        return "It did not answer in time"
    return "Its answer is not proper HTTP, or the connection broke"
