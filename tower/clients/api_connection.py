"""The connection to one of Tower's APIs, shared by its clients."""

from __future__ import annotations

from typing import Any, Self

import httpx

from tower.errors import TowerError, UnavailableError


class ApiConnection:
    """A connection to one API. Requests raise the TowerError in the answer, or UnavailableError with `name`."""

    name = "Tower"

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 15.0) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _request(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._http.request(method, path, **options)
            body = answer.json()
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"{self.name} does not answer at {self.url}: {error or type(error).__name__}"
            ) from error
        except ValueError as error:
            raise UnavailableError(f"The answer of {self.url}{path} is not from Tower") from error
        if answer.is_success:
            return body
        envelope = body.get("error") if isinstance(body, dict) else None
        if not isinstance(envelope, dict) or not {"code", "message"} <= envelope.keys():
            raise UnavailableError(f"The answer of {self.url}{path} is not from Tower (answer {answer.status_code})")
        raise _error_in(envelope, answer.status_code)


def _error_in(envelope: dict[str, Any], status: int) -> TowerError:
    error = TowerError(str(envelope["message"]), details=envelope.get("details"))
    error.code = envelope["code"]
    error.status = status
    return error
