"""Limits the size of request bodies, whether the length is announced or the body comes in chunks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLargeError, error_response

LIMIT_BYTES = 2**20


class BodyLimit:
    """413 for a body over LIMIT_BYTES. `limits` maps a path to its own limit in bytes."""

    def __init__(self, app: ASGIApp, *, limits: Mapping[str, int]) -> None:
        self.app = app
        self._larger = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], LIMIT_BYTES)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:19]) > limit:
            too_large = BodyTooLargeError(_message(limit))
            await error_response(scope, too_large, headers={"Connection": "close"})(scope, receive, send)
            return
        await self.app(scope, self._limited(receive, limit), send)

    @staticmethod
    def _limited(receive: Receive, limit: int) -> Receive:
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # While FastAPI reads a body, it turns every other exception into a 400.
                raise HTTPException(413, _message(limit), headers={"Connection": "close"})
            return message

        return receive_limited


def _message(limit: int) -> str:
    return f"The body is larger than {limit} bytes"
