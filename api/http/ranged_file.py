"""A file that is sent whole or by one byte range, and not at all to who has it already."""

from __future__ import annotations

import re

from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.errors import RangeError, error_response

ONE_RANGE = re.compile(r"bytes=\s*(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))\s*")


class RangedFile(FileResponse):
    """304 for a good If-None-Match; one range; what cannot be satisfied is answered 416 in the envelope.

    Several ranges, other units and broken headers are ignored, as RFC 9110 14.2 allows. Needs a `stat_result`.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if self._is_known(headers.get("if-none-match", "")):
            kept = {name: self.headers[name] for name in ("etag", "last-modified")}
            await Response(status_code=304, headers=kept)(scope, receive, send)
            return
        asked = ONE_RANGE.fullmatch(headers.get("range", ""))
        if asked is None or (asked["last"] and int(asked["last"]) < int(asked["first"])):
            scope = _without_range(scope)
        elif not self._reaches(asked):
            size = self.headers["content-length"]
            outside = RangeError(f"The file has {size} bytes")
            refusal = error_response(scope, outside, headers={"Content-Range": f"bytes */{size}"})
            await refusal(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def _is_known(self, if_none_match: str) -> bool:
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return "*" in tags or self.headers["etag"] in tags

    def _reaches(self, asked: re.Match[str]) -> bool:
        if asked["suffix"] is not None:
            return int(asked["suffix"]) > 0
        return int(asked["first"]) < int(self.headers["content-length"])


def _without_range(scope: Scope) -> Scope:
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
