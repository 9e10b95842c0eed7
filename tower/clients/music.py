"""A client of Tower's music API, for the command line and tests."""

from __future__ import annotations

from typing import Any

from tower.clients.api_connection import ApiConnection

IMPORT_TIMEOUT_S = 3600.0  # timeout for a Library.xml whose files have not been scanned


class MusicClient(ApiConnection):
    """A client of one music API. Each call raises the TowerError in the answer, or UnavailableError."""

    name = "The music API"

    def start_scan(self, *, measure: bool) -> Any:
        return self._request("POST", "/library/scan", json={"measure": measure})

    def get_scan(self, scan_id: int) -> Any:
        return self._request("GET", f"/library/scans/{scan_id}")

    def cancel_scan(self, scan_id: int) -> Any:
        return self._request("POST", f"/library/scans/{scan_id}/cancel")

    def list_unreadable_files(self, scan_id: int) -> Any:
        """The first 200 unreadable files of a scan."""
        return self._request("GET", f"/library/scans/{scan_id}/unreadable", params={"limit": 200})

    def import_list(self, path: str) -> Any:
        return self._request("POST", "/library/import", json={"path": path}, timeout=IMPORT_TIMEOUT_S)

    def search(self, words: str, *, limit: int) -> Any:
        return self._request("GET", "/search", params={"q": words, "limit": limit})
