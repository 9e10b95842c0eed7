"""A client of ComfyUI's API, for servers from version 0.3 on.

A reachable ComfyUI allows remote code execution. Send only graphs that were built and checked here, and never expose
its API to others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tower.clients.comfyui.catalogue import NodeCatalogue
from tower.clients.comfyui.download import download
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault, parse_refusal
from tower.clients.comfyui.http import ComfyUIHttp
from tower.clients.comfyui.jobs import (
    JOB_STATUSES,
    OutputFile,
    PromptJob,
    PromptQueue,
    PromptStatus,
    find_in_queue,
    parse_history,
    parse_job,
    parse_queue,
)
from tower.clients.comfyui.progress import FollowTimeouts, PromptProgress, follow_prompt
from tower.clients.comfyui.socket import ComfyUISocket

POLL_S = 0.1
INTERRUPT_INTERVAL_S = 2.0
JOB_NOT_FOUND = {"error": "Job not found"}  # the body of ComfyUI's own 404
QUERY_TIMEOUT_S = 2.0  # timeout of a query for a prompt; short, so that its watcher notices a cancel in between


@dataclass(frozen=True)
class UploadedFile:
    """An uploaded input file. The server may have changed its name."""

    name: str
    subfolder: str

    @property
    def input_value(self) -> str:
        """The value of the input of LoadImage."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name


class ComfyUIClient:
    """A client of one ComfyUI server. Every call may raise ComfyUIError. It is not thread-safe."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._http = ComfyUIHttp(url, timeout_s=timeout_s)
        self._catalogue = NodeCatalogue(self._http)
        self._query_timeout_s = min(timeout_s, QUERY_TIMEOUT_S)
        self._has_jobs = True  # /api/jobs exists from 0.5.1 on; older servers are asked once

    @property
    def url(self) -> str:
        return self._http.url

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> ComfyUIClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, graph: Mapping[str, Any], prompt_id: str, client_id: str) -> None:
        """Queue a graph. A repeated id renders twice, so call `get_job` before, and again after COMFYUI_UNREACHABLE.

        Raises ComfyUIError if the server refuses the graph or would skip one of its outputs.
        """
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        answer = self._http.send("POST", "/prompt", json=body)
        if answer.status_code not in (200, 400):
            raise self._http.no_answer_error(answer)
        result = self._http.parse_json(answer)
        names = ("prompt_id",) if answer.status_code == 200 else ("error", "node_errors")
        if not isinstance(result, dict) or any(name not in result for name in names):
            raise self._http.foreign_answer_error(answer)
        if answer.status_code != 200:
            raise parse_refusal(result, answer.status_code)
        accepted = str(result["prompt_id"])
        if result.get("node_errors"):
            self._cancel_quietly(accepted)
            raise parse_refusal(result, answer.status_code)
        if accepted != prompt_id:
            self._cancel_quietly(accepted)
            message = f"ComfyUI at {self.url} ignores the ids of prompts, so renders cannot be found again; update it"
            raise ComfyUIError(ComfyUIFault.BROKEN, message)

    def get_job(self, prompt_id: str) -> PromptJob:
        """The state of a prompt. It is unknown only if ComfyUI itself says so: a proxy may answer 404 or 429 for it."""
        if self._has_jobs:
            answer = self._http.send("GET", f"/api/jobs/{prompt_id}", timeout=self._query_timeout_s)
            if answer.status_code == 200:
                body = self._parse(answer, ("id", "status"))
                if body["id"] != prompt_id or body["status"] not in JOB_STATUSES:
                    raise self._http.foreign_answer_error(answer)
                found = parse_job(body)
                return self._find_in_queue_or_history(prompt_id) if found.status is PromptStatus.QUEUED else found
            if answer.status_code != 404:
                raise self._http.no_answer_error(answer)
            if _is_json(answer) and self._http.parse_json(answer) == JOB_NOT_FOUND:
                return PromptJob(PromptStatus.UNKNOWN)
            found = self._find_in_queue_or_history(prompt_id)
            self._has_jobs = bool(answer.content)  # a server without /api/jobs answers 404 with an empty body
            return found
        return self._find_in_queue_or_history(prompt_id)

    def get_queue(self) -> PromptQueue:
        answer = self._http.send("GET", "/queue", timeout=self._query_timeout_s)
        return parse_queue(self._parse(answer, ("queue_running", "queue_pending")))

    def get_history(self, prompt_id: str) -> PromptJob | None:
        """The result of a prompt; None if it has not ended or is unknown."""
        answer = self._http.send("GET", f"/history/{prompt_id}", timeout=self._query_timeout_s)
        history = self._parse(answer, ())
        if history.keys() - {prompt_id}:
            raise self._http.foreign_answer_error(answer)
        return parse_history(history[prompt_id]) if history else None

    def cancel(self, prompt_id: str, *, timeout_s: float = 30.0) -> PromptJob:
        """Remove a prompt from the queue or stop it, and wait until it has ended. Returns the job as it ended.

        A prompt in its last node may still succeed. Raises ComfyUIError if the prompt keeps running. The interrupt
        names the prompt, but servers before 0.3.56 stop the running one in any case, so it is sent only to that.
        """
        deadline, next_interrupt = time.monotonic() + timeout_s, 0.0
        while (job := self.get_job(prompt_id)).is_live:
            if time.monotonic() > deadline:
                message = f"ComfyUI at {self.url} did not stop prompt {prompt_id} within {timeout_s:g} s; restart it"
                raise ComfyUIError(ComfyUIFault.STALLED, message)
            if job.status is PromptStatus.QUEUED:
                self._http.send("POST", "/queue", json={"delete": [prompt_id]})
            elif time.monotonic() >= next_interrupt:
                self._http.send("POST", "/interrupt", json={"prompt_id": prompt_id})
                next_interrupt = time.monotonic() + INTERRUPT_INTERVAL_S
            time.sleep(POLL_S)
        return job

    def open_socket(self, client_id: str) -> ComfyUISocket:
        """The socket of a client id, a context manager. Enter it before a prompt is submitted with this id."""
        return ComfyUISocket(self._http.address, client_id)

    def follow(
        self, prompt_id: str, socket: ComfyUISocket, timeouts: FollowTimeouts | None = None
    ) -> Iterator[PromptProgress]:
        """The progress of a prompt until it ends; see tower.clients.comfyui.progress."""
        return follow_prompt(self, prompt_id, socket, timeouts or FollowTimeouts())

    def upload(self, picture: Path, *, name: str, subfolder: str = "") -> UploadedFile:
        """Upload an input picture."""
        with picture.open("rb") as file:
            data = {"subfolder": subfolder, "type": "input"}
            answer = self._http.send("POST", "/upload/image", files={"image": (name, file)}, data=data)
        if answer.status_code == 413 or (answer.status_code == 400 and not answer.content):
            is_large = answer.status_code == 413
            reason = "it is too large for it or its proxy" if is_large else "its name or folder is not allowed"
            message = f"ComfyUI refused the picture {picture.name}: {reason} (answer {answer.status_code})"
            raise ComfyUIError(ComfyUIFault.REFUSED, message)
        stored = self._parse(answer, ("name",))
        return UploadedFile(str(stored["name"]), str(stored.get("subfolder") or ""))

    def download(
        self, file: OutputFile, target: Path, *, on_bytes: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        """Download a file. `target` appears only when it is complete. `on_bytes` is called with (received, total)."""
        download(self._http, file, target, on_bytes=on_bytes)

    @property
    def catalogue(self) -> NodeCatalogue:
        """The node classes and model files of the server."""
        return self._catalogue

    def free_memory(self) -> None:
        """Ask the server to unload all models and free memory before its next prompt."""
        self._http.send("POST", "/free", json={"unload_models": True, "free_memory": True})

    def _parse(self, answer: httpx.Response, names: tuple[str, ...]) -> dict[str, Any]:
        """The JSON object of an answer with status 200 and at least these fields. Raises ComfyUIError."""
        if answer.status_code != 200:
            raise self._http.no_answer_error(answer)
        body = self._http.parse_json(answer)
        if not isinstance(body, dict) or any(name not in body for name in names):
            raise self._http.foreign_answer_error(answer)
        return body

    def _cancel_quietly(self, prompt_id: str) -> None:
        """Cancel a prompt that should not have been queued. Errors are ignored: the caller raises the first one."""
        with suppress(ComfyUIError):
            self.cancel(prompt_id)

    def _find_in_queue_or_history(self, prompt_id: str) -> PromptJob:
        """Look in the queue first and then in the history, so that a prompt that ends in between is not missed."""
        return (
            find_in_queue(self.get_queue(), prompt_id) or self.get_history(prompt_id) or PromptJob(PromptStatus.UNKNOWN)
        )

    def __repr__(self) -> str:
        return f"ComfyUIClient({self.url!r})"


def _is_json(answer: httpx.Response) -> bool:
    return "json" in answer.headers.get("Content-Type", "")
