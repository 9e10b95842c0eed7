"""HTTP requests to a ComfyUI server, with one ComfyUIError for each way in which it can fail."""

from __future__ import annotations

from typing import Any

import httpx

from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.errors import InvalidError


class ComfyUIHttp:
    """The HTTP connection to one server. `timeout_s` is the read timeout; connecting may take a third of it."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidError.field("ComfyUI URL", url, "an address such as http://127.0.0.1:8188")
        self.url = url.rstrip("/")
        limits = httpx.Timeout(timeout_s, connect=min(timeout_s, max(1.0, timeout_s / 3)))
        self._http = httpx.Client(base_url=self.url, timeout=limits, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request and return any answer but a 5xx or 403.

        Raises ComfyUIError: unreachable, broken or refused.
        """
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self.unreachable_error(error) from error
        return self.check_status(answer)

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer with status 200. Raises ComfyUIError."""
        answer = self.send(method, path, **options)
        if answer.status_code != 200:
            raise ComfyUIError(ComfyUIFault.BROKEN, f"ComfyUI answered {answer.status_code} to {method} {path}")
        return self.parse_json(answer)

    def parse_json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            path = answer.request.url.path
            raise ComfyUIError(ComfyUIFault.BROKEN, f"The answer of {self.url}{path} is not from ComfyUI") from error

    def stream(self, path: str, **options: Any) -> Any:
        """Send a GET and stream the body; a context manager."""
        return self._http.stream("GET", path, **options)

    def check_status(self, answer: httpx.Response) -> httpx.Response:
        request = f"{answer.request.method} {answer.request.url.path}"
        if answer.status_code >= 500:
            text = answer.text.strip().split("\n", 1)[0][:200]
            raise ComfyUIError(
                ComfyUIFault.BROKEN, f"ComfyUI answered {answer.status_code} to {request}: {text}; see its log"
            )
        if answer.status_code == 403:
            remedy = "check the address and the proxies and access rules in front of it"
            raise ComfyUIError(ComfyUIFault.REFUSED, f"ComfyUI at {self.url} does not allow {request} (403); {remedy}")
        return answer

    def unreachable_error(self, error: Exception) -> ComfyUIError:
        reason = str(error) or type(error).__name__
        return ComfyUIError(
            ComfyUIFault.UNREACHABLE, f"ComfyUI does not answer at {self.url}: {reason}; is it running?"
        )
