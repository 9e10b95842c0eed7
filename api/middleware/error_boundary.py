"""What nobody expected is answered too: in the envelope, with the headers that every answer has."""

from __future__ import annotations

import logging
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import REQUEST_ID, error_response
from tower.errors import TowerError

log = logging.getLogger(__name__)


class Unexpected:
    """Lets no exception past as anything but a 500 that says where to read on.

    Starlette's own stands outside of all others, so that a page of another origin could not read its answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception:
            log.exception("unexpected error in %s %s", scope["method"], quote(scope["path"]))
            if begun:
                raise  # a part has been sent: only a broken connection tells the client
            hidden = TowerError(f"Something broke inside Tower; its log has more under {scope[REQUEST_ID]}")
            await error_response(scope, hidden)(scope, receive, send)
