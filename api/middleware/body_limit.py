"""No body larger than it may be, whether its length is announced or it comes in chunks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLargeError, error_response

LIMIT_BYTES = 2**20


class BodyLimit:
    """`larger`: the limit of each path that has another one."""

    def __init__(self, app: ASGIApp, *, larger: Mapping[str, int]) -> None:
        self.app = app
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], LIMIT_BYTES)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:19]) > limit:
            too_large = BodyTooLargeError(_too_large(limit))
            await error_response(scope, too_large, headers={"Connection": "close"})(scope, receive, send)
            return
        await self.app(scope, self._counted(receive, limit), send)

    @staticmethod
    def _counted(receive: Receive, limit: int) -> Receive:
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                # FastAPI lets only an HTTPException through while it reads a body; any other error becomes a 400.
                raise HTTPException(413, _too_large(limit), headers={"Connection": "close"})
            return message

        return limited


def _too_large(limit: int) -> str:
    return f"The body is larger than {limit} bytes"
