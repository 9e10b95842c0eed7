"""What a ComfyUI has: node classes and model files."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from tower.clients.comfyui.http import ComfyUIHttp
from tower.errors import NotFoundError


class Catalogue:
    """Answers about node classes are kept for `keep_s`: the whole list takes a large server seconds to make."""

    def __init__(self, http: ComfyUIHttp, *, keep_s: float = 120.0) -> None:
        self._http, self._keep_s = http, keep_s
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def object_info(self) -> dict[str, Any]:
        """Every node class."""
        return self._asked("/object_info")

    def of_classes(self, classes: Iterable[str]) -> dict[str, Any]:
        """These node classes, as far as the server has them, asked for one by one."""
        names = set(classes)
        if any("/" in name for name in names):  # no path can name such a class
            return {name: said for name, said in self.object_info().items() if name in names}
        found: dict[str, Any] = {}
        for name in sorted(names):
            found |= self._asked(f"/object_info/{quote(name)}")
        return found

    def forget(self) -> None:
        """Ask anew: a model or node pack may have come."""
        self._kept.clear()

    def models(self, folder: str) -> list[str]:
        """The model files in a folder, such as "checkpoints". Raises NotFoundError for a folder it does not know."""
        answer = self._http.send("GET", f"/models/{quote(folder, safe='')}")
        if answer.status_code == 404:
            raise NotFoundError(f"ComfyUI at {self._http.url} has no model folder {folder!r}")
        return list(self._http.read(answer))

    def _asked(self, path: str) -> dict[str, Any]:
        at, said = self._kept.get(path, (0.0, {}))
        if path not in self._kept or time.monotonic() - at > self._keep_s:
            said = dict(self._http.json("GET", path))
            self._kept[path] = (time.monotonic(), said)
        return said
