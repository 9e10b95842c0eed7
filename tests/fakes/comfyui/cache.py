"""Results of earlier nodes, by the hash of their inputs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from tests.fakes.comfyui.files import ServerFolders
from tests.fakes.comfyui.graph import UPLOADS, is_link


@dataclass(frozen=True)
class CacheEntry:
    outputs: list[Any]
    ui: dict[str, Any] | None


class NodeCache:
    """Keeps everything until it is emptied; the real server may drop entries when RAM runs short."""

    def __init__(self, folders: ServerFolders) -> None:
        self._folders = folders
        self._entries: dict[str, CacheEntry] = {}

    def get(self, graph: dict[str, Any], node: str) -> CacheEntry | None:
        return self._entries.get(self._key(graph, node))

    def put(self, graph: dict[str, Any], node: str, entry: CacheEntry) -> None:
        self._entries[self._key(graph, node)] = entry

    def clear(self) -> None:
        self._entries.clear()

    def _key(self, graph: dict[str, Any], node: str) -> str:
        """A hash of the class, the values, all linked nodes, and the content of uploaded files."""
        class_type, inputs = graph[node]["class_type"], graph[node]["inputs"]
        parts: dict[str, Any] = {"class_type": class_type}
        for name, value in inputs.items():
            parts[name] = [self._key(graph, value[0]), value[1]] if is_link(value) else value
            path = self._folders.find_upload(str(value)) if (class_type, name) in UPLOADS else None
            if path is not None:
                parts[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
