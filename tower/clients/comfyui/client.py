"""ComfyUI's own API, in its own words, for servers from 0.3 to today.

An exposed ComfyUI is remote code execution for whoever reaches it: send only graphs that were built and checked here,
and never hand its API on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tower.clients.comfyui.catalogue import Catalogue
from tower.clients.comfyui.download import download
from tower.clients.comfyui.errors import ComfyUIError, Fault, refusal
from tower.clients.comfyui.http import ComfyUIHttp
from tower.clients.comfyui.jobs import Job, OutputFile, Queue, Where, in_queue, read_history, read_job, read_queue
from tower.clients.comfyui.progress import Patience, Sight, follow
from tower.clients.comfyui.socket import ComfyUISocket

ASK_AGAIN_S = 0.1
INTERRUPT_AGAIN_S = 2.0
QUESTION_S = 2.0  # for an answer on where a prompt is: whoever watches it must hear of a cancel meanwhile


@dataclass(frozen=True)
class Uploaded:
    """An input file as the server named it, which may not be the name it was sent under."""

    name: str
    subfolder: str

    @property
    def value(self) -> str:
        """As LoadImage wants it."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name


class ComfyUIClient:
    """One ComfyUI server. Every call may raise ComfyUIError. Not for several threads at once."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._http = ComfyUIHttp(url, timeout_s=timeout_s)
        self._catalogue = Catalogue(self._http)
        self._question_s = min(timeout_s, QUESTION_S)
        self._has_jobs = True  # /api/jobs came with 0.5.1; what is not there is asked for once

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
        """Queue a graph. Sending the same id twice renders twice: ask `job` first, and after COMFYUI_UNREACHABLE again.

        Raises ComfyUIError where the server refuses it, or would leave out one of its outputs.
        """
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        answer = self._http.send("POST", "/prompt", json=body)
        said = self._http.read(answer)
        if answer.status_code != 200:
            raise refusal(said, answer.status_code)
        accepted = str(said.get("prompt_id"))
        if said.get("node_errors"):
            self._drop(accepted)
            raise refusal(said, answer.status_code)
        if accepted != prompt_id:
            self._drop(accepted)
            said = f"ComfyUI at {self.url} gives prompts ids of its own, so no render could be found again; update it"
            raise ComfyUIError(Fault.BROKEN, said)

    def job(self, prompt_id: str) -> Job:
        """Where a prompt is."""
        if self._has_jobs:
            answer = self._http.send("GET", f"/api/jobs/{prompt_id}", timeout=self._question_s)
            if answer.status_code == 200:
                found = read_job(self._http.read(answer))
                return self._placed(prompt_id) if found.where is Where.QUEUED else found
            if "json" in answer.headers.get("Content-Type", ""):
                return Job(Where.UNKNOWN)
            self._has_jobs = False
        return self._placed(prompt_id)

    def queue(self) -> Queue:
        return read_queue(self._http.json("GET", "/queue", timeout=self._question_s))

    def history(self, prompt_id: str) -> Job | None:
        """How a prompt ended; None for one that has not, or is unknown."""
        entry = self._http.json("GET", f"/history/{prompt_id}", timeout=self._question_s).get(prompt_id)
        return None if entry is None else read_history(entry)

    def cancel(self, prompt_id: str, *, timeout_s: float = 30.0) -> Job:
        """Take a prompt out of the queue, or stop it, and see that it is so: the job as it ended, or unknown.

        It may still have ended in success, if it was in its last node. Raises ComfyUIError if it goes on running. The
        interrupt names the prompt; servers before 0.3.56 stop whatever runs, so it is sent only to a prompt that does.
        """
        deadline, next_interrupt = time.monotonic() + timeout_s, 0.0
        while (job := self.job(prompt_id)).live:
            if time.monotonic() > deadline:
                said = f"ComfyUI at {self.url} did not stop prompt {prompt_id} within {timeout_s:g} s; restart it"
                raise ComfyUIError(Fault.STALLED, said)
            if job.where is Where.QUEUED:
                self._http.send("POST", "/queue", json={"delete": [prompt_id]})
            elif time.monotonic() >= next_interrupt:
                self._http.send("POST", "/interrupt", json={"prompt_id": prompt_id})
                next_interrupt = time.monotonic() + INTERRUPT_AGAIN_S
            time.sleep(ASK_AGAIN_S)
        return job

    def socket(self, client_id: str) -> ComfyUISocket:
        """A context manager, to be entered before a prompt is sent with this client id."""
        return ComfyUISocket(self.url, client_id)

    def follow(self, prompt_id: str, socket: ComfyUISocket, patience: Patience | None = None) -> Iterator[Sight]:
        """What is seen of a prompt until it ends; see comfyui_progress."""
        return follow(self, prompt_id, socket, patience or Patience())

    def upload(self, picture: Path, *, name: str, subfolder: str = "") -> Uploaded:
        """Send an input picture."""
        with picture.open("rb") as file:
            data = {"subfolder": subfolder, "type": "input"}
            answer = self._http.send("POST", "/upload/image", files={"image": (name, file)}, data=data)
        if answer.status_code != 200:
            large = "it is too large (ComfyUI takes 100 MiB)" if answer.status_code == 413 else "its name or folder"
            said = f"ComfyUI refused the picture {picture.name}: {large} (answer {answer.status_code})"
            raise ComfyUIError(Fault.REFUSED, said)
        said = self._http.read(answer)
        return Uploaded(str(said["name"]), str(said.get("subfolder") or ""))

    def view(self, file: OutputFile, target: Path, *, on_bytes: Callable[[int, int], None] = lambda *_: None) -> None:
        """Fetch a file, streamed; `target` is there whole or not at all. `on_bytes` hears of (received, total)."""
        download(self._http, file, target, on_bytes=on_bytes)

    @property
    def catalogue(self) -> Catalogue:
        """Its node classes and model files."""
        return self._catalogue

    def free(self) -> None:
        """Have it unload all models, and give back memory, before its next prompt."""
        self._http.send("POST", "/free", json={"unload_models": True, "free_memory": True})

    def _drop(self, prompt_id: str) -> None:
        """Cancel what should not have been queued. That it was is the error to tell, whatever comes of this."""
        with suppress(ComfyUIError):
            self.cancel(prompt_id)

    def _placed(self, prompt_id: str) -> Job:
        """By the queue and then the history: in this order a prompt that ends in between is not missed."""
        return in_queue(self.queue(), prompt_id) or self.history(prompt_id) or Job(Where.UNKNOWN)

    def __repr__(self) -> str:
        return f"ComfyUIClient({self.url!r})"
