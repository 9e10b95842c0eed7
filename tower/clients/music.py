"""Tower's own music API, for those who ask it from outside: the shell and tests."""

from __future__ import annotations

from typing import Any

from tower.clients.api_connection import ApiConnection

IMPORT_S = 3600.0  # a Library.xml of files that no scan has read yet


class MusicClient(ApiConnection):
    """One music API. Each call raises the TowerError of the answer, or UnavailableError."""

    name = "The music API"

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
