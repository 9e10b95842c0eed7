"""GET /view and POST /upload/image."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from tests.fakes.comfyui.answers import CrashError, JsonResponse
from tests.fakes.comfyui.files import parse_multipart
from tests.fakes.comfyui.misbehaviour import TruncatedDownload
from tests.fakes.comfyui.setup import FakeSetup


class TransferEndpoints:
    def __init__(self, setup: FakeSetup) -> None:
        self._setup = setup

    async def view(self, request: Request) -> Response:
        """Send a file or the requested range. `preview` and `channel` are not supported."""
        parameters = request.query_params
        if "filename" not in parameters:
            return Response(status_code=404)
        name = parameters["filename"]
        status, path = self._setup.folders.find_viewable(
            name, parameters.get("subfolder"), parameters.get("type", "output")
        )
        if path is None:
            return Response(status_code=status)
        headers = {"Content-Disposition": f'filename="{path.name}"', "X-Content-Type-Options": "nosniff"}
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if misbehaviour := self._setup.misbehaviours.take(TruncatedDownload):
            return _truncated(path, misbehaviour.share, headers, kind)
        return FileResponse(path, headers=headers, media_type=kind)

    async def upload(self, request: Request) -> Response:
        most, body = self._setup.max_upload_bytes, bytearray()
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= most:
                body += chunk
        if size > most:
            return PlainTextResponse(f"Maximum request body size {most} exceeded.", 413)
        parts = parse_multipart(bytes(body), request.headers.get("Content-Type", ""))
        status, stored = self._setup.folders.store_upload(parts)
        if status == 500:
            raise CrashError
        return JsonResponse(stored) if stored else Response(status_code=status)


def _truncated(path: Path, share: float, headers: dict[str, str], kind: str) -> Response:
    """Announce the whole file and send a share of it; the server then closes the connection."""
    content = path.read_bytes()
    announced = {**headers, "Content-Length": str(len(content))}
    return Response(content[: int(len(content) * share)], headers=announced, media_type=kind)
