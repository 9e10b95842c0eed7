"""The catalogue of a ComfyUI server: its node classes and model files."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx

from tower.clients.comfyui.http import ComfyUIHttp
from tower.errors import NotFoundError


class NodeCatalogue:
    """Lists node classes and model files.

    Answers about node classes are cached for `cache_s`, because a large server needs seconds for the whole list.
    """

    def __init__(self, http: ComfyUIHttp, *, cache_s: float = 120.0) -> None:
        self._http, self._keep_s = http, cache_s
        self._cache: dict[str, tuple[float, dict[str, Any]]] = {}

    def get_object_info(self) -> dict[str, Any]:
        """Every node class."""
        return self._get_cached("/object_info")

    def get_class_info(self, classes: Iterable[str]) -> dict[str, Any]:
        """Those of these node classes that the server has. They are requested one by one."""
        names = set(classes)
        if any("/" in name for name in names):  # a URL path cannot name such a class
            return {name: info for name, info in self.get_object_info().items() if name in names}
        found: dict[str, Any] = {}
        for name in sorted(names):
            found |= self._get_cached(f"/object_info/{quote(name)}")
        return found

    def clear_cache(self) -> None:
        """Clear the cache, because a model or node pack may have been added."""
        self._cache.clear()

    def list_models(self, folder: str) -> list[str]:
        """The model files in a folder, such as "checkpoints". Raises NotFoundError for an unknown folder."""
        answer = self._http.send("GET", f"/models/{quote(folder, safe='')}")
        if answer.status_code == 404 and not answer.content:  # a proxy's 404 has a page
            raise NotFoundError(f"ComfyUI at {self._http.url} has no model folder {folder!r}")
        if answer.status_code != 200:
            raise self._http.no_answer_error(answer)
        names = self._http.parse_json(answer)
        if not isinstance(names, list):
            raise self._http.foreign_answer_error(answer)
        return [str(name) for name in names]

    def get_model_sizes(self, folder: str) -> dict[str, int]:
        """The bytes of the model files in a folder, by name. Empty if the server does not tell."""
        answer = self._http.send("GET", f"/experiment/models/{quote(folder, safe='')}")
        if answer.status_code == 404:
            return {}
        if answer.status_code != 200:
            raise self._http.no_answer_error(answer)
        files = self._http.parse_json(answer)
        if not isinstance(files, list):
            raise self._http.foreign_answer_error(answer)
        sizes = {str(file.get("name")): file.get("size") for file in files if isinstance(file, dict)}
        return {name: size for name, size in sizes.items() if isinstance(size, int) and size > 0}

    def _get_cached(self, path: str) -> dict[str, Any]:
        cached_at, info = self._cache.get(path, (0.0, {}))
        if path not in self._cache or time.monotonic() - cached_at > self._keep_s:
            info = self._parse_classes(self._http.send("GET", path))
            self._cache[path] = (time.monotonic(), info)
        return info

    def _parse_classes(self, answer: httpx.Response) -> dict[str, Any]:
        """Node classes by name. Raises ComfyUIError for an answer of another server."""
        if answer.status_code != 200:
            raise self._http.no_answer_error(answer)
        classes = self._http.parse_json(answer)
        if not isinstance(classes, dict) or not all(_is_class(info) for info in classes.values()):
            raise self._http.foreign_answer_error(answer)
        return classes


def _is_class(info: Any) -> bool:
    return isinstance(info, dict) and isinstance(info.get("input"), dict)
