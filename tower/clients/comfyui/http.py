"""Asking a ComfyUI over HTTP: one sentence for every way in which it does not answer."""

from __future__ import annotations

from typing import Any

import httpx

from tower.clients.comfyui.errors import ComfyUIError, Fault
from tower.errors import InvalidError


class ComfyUIHttp:
    """One server's HTTP side. `timeout_s`: the longest silence; connecting may take a third of it."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidError.field("ComfyUI URL", url, "an address such as http://127.0.0.1:8188")
        self.url = url.rstrip("/")
        limits = httpx.Timeout(timeout_s, connect=min(timeout_s, max(1.0, timeout_s / 3)))
        self._http = httpx.Client(base_url=self.url, timeout=limits, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Any answer but a 5xx or a 403. Raises ComfyUIError: unreachable, broken or refused."""
        try:
            answer = self._http.request(method, path, **how)
        except httpx.HTTPError as silent:
            raise self.silent(silent) from silent
        return self.sound(answer)

    def json(self, method: str, path: str, **how: Any) -> Any:
        """The JSON of an answer of 200. Raises ComfyUIError."""
        answer = self.send(method, path, **how)
        if answer.status_code != 200:
            raise ComfyUIError(Fault.BROKEN, f"ComfyUI answered {answer.status_code} to {method} {path}")
        return self.read(answer)

    def read(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as odd:
            path = answer.request.url.path
            raise ComfyUIError(Fault.BROKEN, f"{self.url}{path} does not answer as ComfyUI does") from odd

    def stream(self, path: str, **how: Any) -> Any:
        """A GET whose body is still to come; a context manager."""
        return self._http.stream("GET", path, **how)

    def sound(self, answer: httpx.Response) -> httpx.Response:
        asked = f"{answer.request.method} {answer.request.url.path}"
        if answer.status_code >= 500:
            said = answer.text.strip().split("\n", 1)[0][:200]
            raise ComfyUIError(Fault.BROKEN, f"ComfyUI answered {answer.status_code} to {asked}: {said}; see its log")
        if answer.status_code == 403:
            mend = "check the address, and any proxy or access rule before it"
            raise ComfyUIError(Fault.REFUSED, f"ComfyUI at {self.url} does not allow {asked} (403); {mend}")
        return answer

    def silent(self, error: Exception) -> ComfyUIError:
        said = str(error) or type(error).__name__
        return ComfyUIError(Fault.UNREACHABLE, f"ComfyUI does not answer at {self.url}: {said}; is it running?")
