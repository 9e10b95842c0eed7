"""Tower's own music API, for those who ask it from outside: the shell and tests."""

from __future__ import annotations

from typing import Any

import httpx

from tower.clients.production import error_in
from tower.errors import UnavailableError

IMPORT_S = 3600.0  # a Library.xml of files that no scan has read yet


class MusicClient:
    """One music API. Raises the TowerError that the answer's envelope holds, or UnavailableError."""

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 15.0) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> MusicClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def start_scan(self, *, measure: bool) -> Any:
        return self._ask("POST", "/library/scan", json={"measure": measure})

    def scan(self, scan_id: int) -> Any:
        return self._ask("GET", f"/library/scans/{scan_id}")

    def cancel_scan(self, scan_id: int) -> Any:
        return self._ask("POST", f"/library/scans/{scan_id}/cancel")

    def unreadable(self, scan_id: int) -> Any:
        """The first 200."""
        return self._ask("GET", f"/library/scans/{scan_id}/unreadable", params={"limit": 200})

    def import_list(self, path: str) -> Any:
        return self._ask("POST", "/library/import", json={"path": path}, timeout=IMPORT_S)

    def search(self, words: str, *, limit: int) -> Any:
        return self._ask("GET", "/search", params={"q": words, "limit": limit})

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._http.request(method, path, **how)
            body = answer.json()
        except httpx.HTTPError as silent:
            raise UnavailableError(
                f"The music API does not answer at {self.url}: {silent or type(silent).__name__}"
            ) from silent
        except ValueError as odd:
            raise UnavailableError(f"{self.url}{path} does not answer as Tower does") from odd
        if answer.is_success:
            return body
        raise error_in(body, answer.status_code)
