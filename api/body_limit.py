"""No body larger than it may be, whether its length is announced or it comes in chunks."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.envelope import CODES, error_response
from tower.errors import TowerError

LIMIT_BYTES = 2**20
TOO_LARGE = f"The body is larger than {LIMIT_BYTES} bytes"


class BodyLimit:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:19]) > LIMIT_BYTES:
            too_large = TowerError(TOO_LARGE, code=CODES[413])
            await error_response(scope, too_large, status=413, headers={"Connection": "close"})(scope, receive, send)
            return
        await self.app(scope, self._counted(receive), send)

    @staticmethod
    def _counted(receive: Receive) -> Receive:
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LIMIT_BYTES:
                raise HTTPException(413, TOO_LARGE, headers={"Connection": "close"})
            return message

        return limited
