"""HTTP requests to a ComfyUI server, with one ComfyUIError for each way in which it can fail."""

from __future__ import annotations

from typing import Any

import httpx

from tower.addresses import Address
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.errors import InvalidError
from tower.errors.foreign import reason_line

OWN_STATUSES = frozenset({200, 206, 400, 404, 413, 416})  # a proxy may give them too: their body shows whose they are
LOCKED_STATUSES = frozenset({401, 403, 407})  # ComfyUI itself gives 403 only to a browser's page of another server


class ComfyUIHttp:
    """The HTTP connection to one server. `timeout_s` is the read timeout; connecting may take a third of it."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        address = Address(url)
        parsed = httpx.URL(address.base_url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidError.field("ComfyUI URL", str(address), "an address such as http://127.0.0.1:8188")
        self.address = address
        self.url = address.base_url
        limits = httpx.Timeout(timeout_s, connect=min(timeout_s, max(1.0, timeout_s / 3)))
        self._http = httpx.Client(**address.client_options(), timeout=limits, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request and return the answer. A proxy may have given it, though its status is one of ComfyUI's.

        Raises ComfyUIError: unreachable, locked or broken.
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
            raise self.no_answer_error(answer)
        return self.parse_json(answer)

    def parse_json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise self.foreign_answer_error(answer) from error

    def stream(self, path: str, **options: Any) -> Any:
        """Send a GET and stream the body; a context manager."""
        return self._http.stream("GET", path, **options)

    def check_status(self, answer: httpx.Response) -> httpx.Response:
        """Raise ComfyUIError for a status that ComfyUI gives to none of Tower's requests."""
        if answer.status_code in LOCKED_STATUSES:
            message = (
                f"ComfyUI at {self.url} asks for a password, or refuses the one it got (answer {answer.status_code})"
            )
            remedy = "set TOWER_COMFYUI_USER and TOWER_COMFYUI_PASSWORD, or TOWER_COMFYUI_TOKEN"
            raise ComfyUIError(ComfyUIFault.LOCKED, f"{message}; {remedy}")
        if answer.status_code not in OWN_STATUSES:
            raise self.no_answer_error(answer)
        return answer

    def no_answer_error(self, answer: httpx.Response) -> ComfyUIError:
        """The error for a status that says nothing about the request, as a proxy gives it for a server that is busy."""
        request = f"{answer.request.method} {answer.request.url.path}"
        text = reason_line(answer.text) if answer.headers.get("Content-Type", "").startswith("text/plain") else ""
        message = f"ComfyUI at {self.url} answered {answer.status_code} to {request}" + (f": {text}" if text else "")
        details = {"status": answer.status_code}
        return ComfyUIError(ComfyUIFault.BROKEN, f"{message}; see its log and its proxy", details=details)

    def foreign_answer_error(self, answer: httpx.Response) -> ComfyUIError:
        """The error for an answer that is not in the form of ComfyUI's, as the page of a proxy."""
        path = answer.request.url.path
        return ComfyUIError(
            ComfyUIFault.BROKEN, f"The answer of {self.url}{path} is not from ComfyUI; check the address"
        )

    def unreachable_error(self, error: Exception) -> ComfyUIError:
        reason = str(error) or type(error).__name__
        return ComfyUIError(
            ComfyUIFault.UNREACHABLE, f"ComfyUI does not answer at {self.url}: {reason}; is it running?"
        )
