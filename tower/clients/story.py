"""A client of the part of the production API that keeps projects, their stories and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from tower.clients.production import ProductionClient

RENDER_COMMAND = "generate_scene"
UPLOAD_TIMEOUT_S = 600.0


class StoryClient(ProductionClient):
    """A production client that also edits stories. `branch=None` is the branch `main`."""

    def list_projects(self, *, name: str | None = None) -> list[dict[str, Any]]:
        return self._list_all("/projects", name=name)

    def get_project(self, project_id: int) -> dict[str, Any]:
        return self._object("GET", f"/projects/{project_id}")

    def create_project(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", "/projects", json=dict(body))

    def change_project(self, project_id: int, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("PATCH", f"/projects/{project_id}", json=dict(body))

    def list_entities(self, kind: str, project_id: int, *, branch: str | None, **filters: Any) -> list[dict[str, Any]]:
        """The entities of a project. `kind` is the last part of their path, such as `scenes`."""
        return self._list_all(f"/{kind}", project_id=project_id, branch=branch, **filters)

    def get_entity(self, kind: str, entity_id: int, *, branch: str | None = None) -> dict[str, Any]:
        return self._object("GET", f"/{kind}/{entity_id}", params=_without_none(branch=branch))

    def create_entity(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", f"/{kind}", json=dict(body))

    def change_entity(self, kind: str, entity_id: int, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("PUT", f"/{kind}/{entity_id}", json=dict(body))

    def delete_entity(self, kind: str, entity_id: int, *, branch: str | None = None) -> dict[str, Any]:
        return self._object("DELETE", f"/{kind}/{entity_id}", params=_without_none(branch=branch))

    def reorder_scenes(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The first 200 scenes in their new order."""
        rows = self._request("POST", "/scenes/reorder", json=dict(body))
        return rows if isinstance(rows, list) else []

    def list_branches(self, project_id: int) -> list[dict[str, Any]]:
        return self._rows("/branches", params={"project_id": project_id})

    def create_branch(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", "/branch", json=dict(body))

    def delete_branch(self, project_id: int, name: str) -> dict[str, Any]:
        return self._object("DELETE", "/branch", params={"project_id": project_id, "branch_name": name})

    def merge(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", "/merge", json=dict(body))

    def list_stale_pages(self, project_id: int, *, branch: str | None) -> list[dict[str, Any]]:
        """The stale scenes of a branch, one answer per page."""
        return list(self._iter_pages(f"/projects/{project_id}/stale", branch=branch))

    def render_stale(self, project_id: int, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("POST", f"/projects/{project_id}/render-stale", json=dict(body))

    def render_scene(self, project_id: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
        body = {"project_id": project_id, "command": RENDER_COMMAND, "parameters": dict(parameters)}
        return self._object("POST", "/director/command", json=body)

    def upload(self, name: str, content: IO[bytes]) -> dict[str, Any]:
        """Upload a picture or music; the answer has its path on the server."""
        return self._object("POST", "/media", files={"file": (name, content)}, timeout=UPLOAD_TIMEOUT_S)

    def _list_all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        return [row for page in self._iter_pages(path, **params) for row in page]


def _without_none(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
