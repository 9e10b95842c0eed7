"""A connection to one of Tower's own APIs, for those who ask it from outside."""

from __future__ import annotations

from typing import Any, Self

import httpx

from tower.errors import TowerError, UnavailableError


class ApiConnection:
    """Raises the TowerError that the answer's envelope holds, or UnavailableError, which calls the API `name`."""

    name = "Tower"

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 15.0) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._http.request(method, path, **how)
            body = answer.json()
        except httpx.HTTPError as silent:
            raise UnavailableError(
                f"{self.name} does not answer at {self.url}: {silent or type(silent).__name__}"
            ) from silent
        except ValueError as odd:
            raise UnavailableError(f"{self.url}{path} does not answer as Tower does") from odd
        if answer.is_success:
            return body
        raise _error_in(body, answer.status_code)


def _error_in(body: Any, status: int) -> TowerError:
    said = body.get("error", {}) if isinstance(body, dict) else {}
    error = TowerError(said.get("message", f"Tower answered {status}"), details=said.get("details"))
    error.code = said.get("code", error.code)
    error.status = status
    return error
