"""A client of Tower's episodes API, for the command line and tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tower.clients.api_connection import ApiConnection

PUBLISHING_TIMEOUT_S = 180.0  # a long film is copied and signed again


class EpisodesClient(ApiConnection):
    """A client of one episodes API. Each call raises the TowerError in the answer, or UnavailableError.

    `branch=None` is the branch `main`, or the one that the episode was created on.
    """

    name = "The episodes API"

    def list_episodes(self, project_id: int, *, branch: str | None, q: str | None = None) -> list[dict[str, Any]]:
        pages = self._iter_pages("/episodes", project_id=project_id, branch=branch, q=q)
        return [row for page in pages for row in page]

    def create(self, body: Mapping[str, Any]) -> Any:
        return self._request("POST", "/episodes", json=dict(body))

    def get(self, episode_id: str, part: str = "", *, branch: str | None = None) -> Any:
        """The episode, or a part of it, such as `cut`, `cut-list` or `stale`."""
        path = f"/episodes/{episode_id}/{part}".rstrip("/")
        return self._request("GET", path, params={} if branch is None else {"branch": branch})

    def change(self, episode_id: str, body: Mapping[str, Any], part: str = "") -> Any:
        return self._request("PUT", f"/episodes/{episode_id}/{part}".rstrip("/"), json=dict(body))

    def start_film(self, episode_id: str, action: str, body: Mapping[str, Any]) -> Any:
        """Open the job of a film. `action` is assemble, render, publish or trailer."""
        return self._request("POST", f"/episodes/{episode_id}/{action}", json=dict(body))

    def export(self, episode_id: str, form: str, *, branch: str | None = None) -> tuple[bytes, list[dict[str, str]]]:
        """The cut as a file for an editing program, and what the file does not hold."""
        params = {"format": form} | ({} if branch is None else {"branch": branch})
        content, headers = self._download(f"/episodes/{episode_id}/export", params=params)
        return content, json.loads(headers["Tower-Losses"])

    def list_publications(self, episode_id: str, *, project_id: int | None = None) -> list[dict[str, Any]]:
        """The newest first."""
        pages = self._iter_pages(f"/episodes/{episode_id}/publications", project_id=project_id)
        return [row for page in pages for row in page]

    def unpublish(self, episode_id: str, *, project_id: int | None = None) -> Any:
        params = {} if project_id is None else {"project_id": project_id}
        path = f"/episodes/{episode_id}/publication"
        return self._request("DELETE", path, params=params, timeout=PUBLISHING_TIMEOUT_S)

    def roll_back(self, episode_id: str, body: Mapping[str, Any], *, project_id: int | None = None) -> Any:
        params = {} if project_id is None else {"project_id": project_id}
        path = f"/episodes/{episode_id}/publication/rollback"
        return self._request("POST", path, json=dict(body), params=params, timeout=PUBLISHING_TIMEOUT_S)

    def delete(self, episode_id: str, *, branch: str | None = None) -> Any:
        params = {} if branch is None else {"branch": branch}
        return self._request("DELETE", f"/episodes/{episode_id}", params=params)
