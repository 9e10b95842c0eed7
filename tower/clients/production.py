"""Tower's own production API, for those who ask it from outside: the shell, benchmarks, tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tower.clients.api_connection import ApiConnection
from tower.errors import UnavailableError

ENDED = ("completed", "failed", "merge_failed", "cancelled")


class ProductionClient(ApiConnection):
    """One production API. Each call raises the TowerError of the answer, or UnavailableError."""

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
