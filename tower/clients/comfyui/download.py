"""Downloads a file from ComfyUI in chunks, resumes after interruptions, and checks the length."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.http import ComfyUIHttp
from tower.clients.comfyui.jobs import OutputFile
from tower.media.files import write_atomically

CHUNK_BYTES = 1 << 16
MAX_INTERRUPTIONS = 5  # interruptions in a row without progress before the download fails
PAUSE_S = 0.2  # per interruption in a row


@dataclass
class PartialDownload:
    """The part of a file that has been received. `etag` identifies the whole file."""

    received: int = 0
    total: int | None = None
    etag: str | None = None


def download(http: ComfyUIHttp, file: OutputFile, target: Path, *, on_bytes: Callable[[int, int], None]) -> None:
    """Download a file to `target`.

    Raises ComfyUIError: NO_FILE if the server does not have the file, UNREACHABLE if the download keeps breaking off.
    """
    with write_atomically(target) as path, path.open("wb") as out:
        part, breaks = PartialDownload(), 0
        while part.total is None or part.received < part.total:
            before = part.received
            try:
                _fetch(http, file, part, out, on_bytes)
            except (httpx.HTTPError, ComfyUIError) as caught:
                error = caught if isinstance(caught, ComfyUIError) else http.unreachable_error(caught)
                breaks = breaks + 1 if part.received == before else 0
                if breaks >= MAX_INTERRUPTIONS or not error.is_temporary:
                    raise error from caught
                time.sleep(PAUSE_S * breaks)


def _fetch(
    http: ComfyUIHttp, file: OutputFile, part: PartialDownload, out: BinaryIO, on_bytes: Callable[[int, int], None]
) -> None:
    params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
    headers = {"Accept-Encoding": "identity"}
    if part.received:
        headers["Range"] = f"bytes={part.received}-"
        if part.etag:
            headers["If-Range"] = part.etag
    with http.stream("/view", params=params, headers=headers) as answer:
        _prepare_part(http, file, part, answer)
        out.seek(part.received)
        out.truncate()
        for chunk in answer.iter_raw(CHUNK_BYTES):
            out.write(chunk)
            part.received += len(chunk)
            on_bytes(part.received, part.total or part.received)
        part.total = part.received if part.total is None else part.total


def _prepare_part(http: ComfyUIHttp, file: OutputFile, part: PartialDownload, answer: httpx.Response) -> None:
    """Set the position of the next bytes: an answer of 206 continues the part, 200 starts again."""
    has_no_body = answer.headers.get("Content-Length") == "0"  # ComfyUI's own refusals; those of a proxy have a page
    if answer.status_code == 404 and has_no_body:
        message = f"ComfyUI reported the file {file.subfolder}/{file.filename} but does not have it"
        raise ComfyUIError(
            ComfyUIFault.NO_FILE, f"{message}; its output folder was emptied, or its video encoder failed"
        )
    if answer.status_code in (400, 403) and has_no_body:
        message = f"ComfyUI does not give out the file {file.subfolder}/{file.filename}, outside of its folders"
        raise ComfyUIError(ComfyUIFault.REFUSED, f"{message}; correct the file name in the graph")
    if answer.status_code not in (200, 206):
        answer.read()
        raise http.no_answer_error(http.check_status(answer))
    if answer.headers.get("Content-Type", "").startswith(("text/html", "application/json")):  # a page of a proxy
        raise http.foreign_answer_error(answer)
    length = answer.headers.get("Content-Length")
    range_start = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    part.received = int(range_start[1]) if answer.status_code == 206 and range_start else 0
    part.total = part.received + int(length) if length is not None else None
    part.etag = answer.headers.get("Etag")
