"""Sends a file whole or one byte range of it, or 304 if the client has it already."""

from __future__ import annotations

import re
from typing import Any

from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.errors import RangeError, error_response, error_responses

RANGE_PATTERN = re.compile(r"bytes=\s*(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))\s*")


def video_responses(what: str, *errors: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for an endpoint that sends an MP4 file as a RangedFile. `what`: what it is, in words."""
    video: dict[str, Any] = {"content": {"video/mp4": {}}}
    return {
        200: video | {"description": f"The whole {what}"},
        206: video | {"description": "The requested range"},
        304: {"description": "If-None-Match has the current ETag"},
        **error_responses(*errors),
    }


class RangedFile(FileResponse):
    """A file response with one byte range, 304 for a matching If-None-Match, and 416 in the error envelope.

    Several ranges, other units and malformed headers are ignored, as RFC 9110, section 14.2, allows. Needs a
    `stat_result`.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if self._is_current(headers.get("if-none-match", "")):
            headers_kept = {name: self.headers[name] for name in ("etag", "last-modified")}
            await Response(status_code=304, headers=headers_kept)(scope, receive, send)
            return
        byte_range = RANGE_PATTERN.fullmatch(headers.get("range", ""))
        if byte_range is None or (byte_range["last"] and int(byte_range["last"]) < int(byte_range["first"])):
            scope = _without_range(scope)
        elif not self._is_satisfiable(byte_range):
            size = self.headers["content-length"]
            outside = RangeError(f"The file has {size} bytes")
            refusal = error_response(scope, outside, headers={"Content-Range": f"bytes */{size}"})
            await refusal(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def _is_current(self, if_none_match: str) -> bool:
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return "*" in tags or self.headers["etag"] in tags

    def _is_satisfiable(self, byte_range: re.Match[str]) -> bool:
        if byte_range["suffix"] is not None:
            return int(byte_range["suffix"]) > 0
        return int(byte_range["first"]) < int(self.headers["content-length"])


def _without_range(scope: Scope) -> Scope:
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
