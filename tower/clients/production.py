"""A client of Tower's production API, for the command line, benchmarks and tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tower.clients.api_connection import ApiConnection
from tower.errors import UnavailableError

WINDOW_PATH = "/production-schedule/window"
WEBHOOK_TIMEOUT_S = 30.0  # a test call takes up to 15 s
END_STATUSES = ("completed", "failed", "merge_failed", "cancelled")


class ProductionClient(ApiConnection):
    """A client of one production API. Each call raises the TowerError in the answer, or UnavailableError."""

    def generate(
        self,
        body: Mapping[str, Any],
        *,
        fast: bool = False,
        project_id: int | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Start a generation. With `project_id` it runs all stages and repeats rounds until the quality is good."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        path = "/generate-fast" if fast else "/generate"
        if project_id is not None:
            path = f"/generate/project/{project_id}"
        return self._object("POST", path, json=dict(body), headers=headers)

    def get_status(self, key: str | int) -> dict[str, Any]:
        return self._object("GET", f"/generation/{key}/status")

    def cancel(self, key: str | int) -> dict[str, Any]:
        return self._object("POST", f"/generation/{key}/cancel")

    def retry(self, key: str | int) -> dict[str, Any]:
        return self._object("POST", f"/generation/{key}/retry")

    def list_generations(self, *, limit: int) -> list[dict[str, Any]]:
        """The newest jobs first."""
        return self._rows("/generation", params={"limit": limit})

    def get_system_status(self) -> dict[str, Any]:
        return self._object("GET", "/status")

    def list_batches(self, *, limit: int) -> list[dict[str, Any]]:
        """The newest batches first."""
        return self._rows("/batches", params={"limit": limit})

    def get_batch(self, batch_id: int) -> dict[str, Any]:
        return self._object("GET", f"/batches/{batch_id}")

    def start_batch(self) -> dict[str, Any]:
        return self._object("POST", "/batches")

    def get_window(self) -> dict[str, Any]:
        return self._object("GET", WINDOW_PATH)

    def set_window(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("PUT", WINDOW_PATH, json=dict(body))

    def remove_window(self) -> dict[str, Any]:
        return self._object("DELETE", WINDOW_PATH)

    def list_workflows(self) -> list[dict[str, Any]]:
        """The current version of each workflow."""
        return self._rows("/workflows")

    def get_workflow(self, name: str, version: int | None = None) -> dict[str, Any]:
        """A workflow with its graph. Without `version` it is the current one."""
        params = {} if version is None else {"version": version}
        return self._object("GET", f"/workflows/{quote(name, safe='')}", params=params)

    def add_workflow(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", "/workflows", json=dict(body))

    def remove_workflow(self, name: str) -> dict[str, Any]:
        return self._object("DELETE", f"/workflows/{quote(name, safe='')}")

    def add_webhook(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", "/webhooks", json=dict(body))

    def list_webhooks(self) -> list[dict[str, Any]]:
        return [row for page in self._iter_pages("/webhooks") for row in page]

    def list_deliveries(self, webhook_id: int, *, limit: int) -> list[dict[str, Any]]:
        """The newest calls first."""
        return self._rows(f"/webhooks/{webhook_id}/deliveries", params={"limit": limit})

    def test_webhook(self, webhook_id: int) -> dict[str, Any]:
        return self._object("POST", f"/webhooks/{webhook_id}/test", timeout=WEBHOOK_TIMEOUT_S)

    def resend_delivery(self, webhook_id: int, delivery_id: int) -> dict[str, Any]:
        return self._object("POST", f"/webhooks/{webhook_id}/deliveries/{delivery_id}/resend")

    def replace_webhook_secret(self, webhook_id: int, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", f"/webhooks/{webhook_id}/secret", json=dict(body))

    def remove_webhook(self, webhook_id: int) -> dict[str, Any]:
        return self._object("DELETE", f"/webhooks/{webhook_id}")

    def _rows(self, path: str, **options: Any) -> list[dict[str, Any]]:
        rows = self._request("GET", path, **options)
        return rows if isinstance(rows, list) else []

    def _object(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._request(method, path, **options)
        if not isinstance(answer, dict):
            raise UnavailableError(f"The answer of {self.url}{path} is not from Tower")
        return answer
