"""Tower's own production API, for those who ask it from outside: the shell, benchmarks, tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from tower.errors import TowerError, UnavailableError

ENDED = ("completed", "failed", "merge_failed", "cancelled")


class ProductionClient:
    """One production API. Raises the TowerError that the answer's envelope holds, or UnavailableError."""

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 15.0) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> ProductionClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def generate(
        self,
        body: Mapping[str, Any],
        *,
        fast: bool = False,
        project_id: int | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """For a project it is made with all stages, in rounds until its quality is good."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        path = "/generate-fast" if fast else "/generate"
        if project_id is not None:
            path = f"/generate/project/{project_id}"
        return self._object("POST", path, json=dict(body), headers=headers)

    def status(self, key: str | int) -> dict[str, Any]:
        return self._object("GET", f"/generation/{key}/status")

    def cancel(self, key: str | int) -> dict[str, Any]:
        return self._object("POST", f"/generation/{key}/cancel")

    def retry(self, key: str | int) -> dict[str, Any]:
        return self._object("POST", f"/generation/{key}/retry")

    def generations(self, *, limit: int) -> list[dict[str, Any]]:
        """The newest jobs first."""
        return self._rows("/generation", params={"limit": limit})

    def system(self) -> dict[str, Any]:
        return self._object("GET", "/status")

    def workflows(self) -> list[dict[str, Any]]:
        """The present version of each."""
        return self._rows("/workflows")

    def workflow(self, name: str, version: int | None = None) -> dict[str, Any]:
        """One with its graph; without `version` the present one."""
        params = {} if version is None else {"version": version}
        return self._object("GET", f"/workflows/{quote(name, safe='')}", params=params)

    def add_workflow(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", "/workflows", json=dict(body))

    def remove_workflow(self, name: str) -> dict[str, Any]:
        return self._object("DELETE", f"/workflows/{quote(name, safe='')}")

    def _rows(self, path: str, **how: Any) -> list[dict[str, Any]]:
        rows = self._ask("GET", path, **how)
        return rows if isinstance(rows, list) else []

    def _object(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        answer = self._ask(method, path, **how)
        if not isinstance(answer, dict):
            raise UnavailableError(f"{self.url}{path} does not answer as Tower does")
        return answer

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._http.request(method, path, **how)
            body = answer.json()
        except httpx.HTTPError as silent:
            raise UnavailableError(
                f"Tower does not answer at {self.url}: {silent or type(silent).__name__}"
            ) from silent
        except ValueError as odd:
            raise UnavailableError(f"{self.url}{path} does not answer as Tower does") from odd
        if answer.is_success:
            return body
        raise error_in(body, answer.status_code)


def error_in(body: Any, status: int) -> TowerError:
    said = body.get("error", {}) if isinstance(body, dict) else {}
    error = TowerError(said.get("message", f"Tower answered {status}"), details=said.get("details"))
    error.code = said.get("code", error.code)
    error.status = status
    return error
