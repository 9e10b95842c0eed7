"""The connection to one of Tower's APIs, shared by its clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import httpx

from tower.addresses import tls_context
from tower.errors import TowerError, UnavailableError

PAGE_LIMIT = 200  # rows, the most that a page of the APIs has
NEXT_CURSOR = "X-Next-Cursor"


class ApiConnection:
    """A connection to one API. Requests raise the TowerError in the answer, or UnavailableError with `name`."""

    name = "Tower"

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 15.0) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False, verify=tls_context()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _request(self, method: str, path: str, **options: Any) -> Any:
        return self._exchange(method, path, **options)[0]

    def _iter_pages(self, path: str, **params: Any) -> Iterator[Any]:
        """The answer of each page of a list."""
        given = {name: value for name, value in params.items() if value is not None} | {"limit": PAGE_LIMIT}
        while True:
            body, headers = self._exchange("GET", path, params=given)
            yield body
            if NEXT_CURSOR not in headers:
                return
            given["cursor"] = headers[NEXT_CURSOR]

    def _download(self, path: str, **options: Any) -> tuple[bytes, httpx.Headers]:
        """A file of the API with its headers."""
        answer = self._send("GET", path, **options)
        if not answer.is_success:
            raise self._read_error(path, answer, self._read_json(path, answer))
        return answer.content, answer.headers

    def _exchange(self, method: str, path: str, **options: Any) -> tuple[Any, httpx.Headers]:
        answer = self._send(method, path, **options)
        body = self._read_json(path, answer)
        if answer.is_success:
            return body, answer.headers
        raise self._read_error(path, answer, body)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"{self.name} does not answer at {self.url}: {error or type(error).__name__}"
            ) from error

    def _read_json(self, path: str, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise UnavailableError(f"The answer of {self.url}{path} is not from Tower") from error

    def _read_error(self, path: str, answer: httpx.Response, body: Any) -> TowerError:
        envelope = body.get("error") if isinstance(body, dict) else None
        if not isinstance(envelope, dict) or not {"code", "message"} <= envelope.keys():
            return UnavailableError(f"The answer of {self.url}{path} is not from Tower (answer {answer.status_code})")
        return _error_in(envelope, answer.status_code)


def _error_in(envelope: dict[str, Any], status: int) -> TowerError:
    error = TowerError(str(envelope["message"]), details=envelope.get("details"))
    error.code = envelope["code"]
    error.status = status
    return error
