"""Fetching a file from ComfyUI, in pieces, taken up again where it broke off, and checked by its length."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from tower.clients.comfyui.errors import ComfyUIError, Fault
from tower.clients.comfyui.http import ComfyUIHttp
from tower.clients.comfyui.jobs import OutputFile
from tower.media.files import writing

PIECE_BYTES = 1 << 16
BREAKS = 5  # so often in a row may it break off without a byte more
PAUSE_S = 0.2


@dataclass
class Part:
    """What has come so far. `etag`: of the file it is a part of."""

    received: int = 0
    total: int | None = None
    etag: str | None = None


def download(http: ComfyUIHttp, file: OutputFile, target: Path, *, on_bytes: Callable[[int, int], None]) -> None:
    """Raises ComfyUIError: NO_FILE where the server does not have it, UNREACHABLE where it keeps breaking off."""
    with writing(target) as path, path.open("wb") as out:
        part, breaks = Part(), 0
        while part.total is None or part.received < part.total:
            before = part.received
            try:
                _fetch(http, file, part, out, on_bytes)
            except (httpx.HTTPError, ComfyUIError) as broken:
                error = broken if isinstance(broken, ComfyUIError) else http.silent(broken)
                breaks = breaks + 1 if part.received == before else 0
                if breaks >= BREAKS or not error.passing:
                    raise error from broken
                time.sleep(PAUSE_S * breaks)


def _fetch(
    http: ComfyUIHttp, file: OutputFile, part: Part, out: BinaryIO, on_bytes: Callable[[int, int], None]
) -> None:
    params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
    headers = {"Accept-Encoding": "identity"}
    if part.received:
        headers["Range"] = f"bytes={part.received}-"
        if part.etag:
            headers["If-Range"] = part.etag
    with http.stream("/view", params=params, headers=headers) as answer:
        _begin(http, file, part, answer)
        out.seek(part.received)
        out.truncate()
        for piece in answer.iter_raw(PIECE_BYTES):
            out.write(piece)
            part.received += len(piece)
            on_bytes(part.received, part.total or part.received)
        part.total = part.received if part.total is None else part.total


def _begin(http: ComfyUIHttp, file: OutputFile, part: Part, answer: httpx.Response) -> None:
    """Set where the coming bytes belong: 206 goes on, 200 begins anew."""
    if answer.status_code == 404:
        said = f"ComfyUI says that it made {file.subfolder}/{file.filename}, and does not have it"
        raise ComfyUIError(Fault.NO_FILE, f"{said}; its output folder was emptied, or its video encoder failed")
    if answer.status_code not in (200, 206):
        answer.read()
        http.sound(answer)
        raise ComfyUIError(Fault.BROKEN, f"ComfyUI answered {answer.status_code} to GET /view of {file.filename}")
    length = answer.headers.get("Content-Length")
    begins = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    part.received = int(begins[1]) if answer.status_code == 206 and begins else 0
    part.total = part.received + int(length) if length is not None else None
    part.etag = answer.headers.get("Etag")
