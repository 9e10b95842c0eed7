"""An in-memory LRU cache of version objects. It needs no invalidation, as the content of a hash never changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

MAX_BYTES = 32 * 1024 * 1024
ENTRY_BYTES = 400  # approximate overhead of an entry besides its content

CacheKey = tuple[int, str]  # (project id, hash): projects never share objects


class ObjectCache:
    """Contents by hash, up to `max_bytes`; the least recently used are evicted first. Safe to use from many threads.

    An entry may come from a transaction that was rolled back: its content is right, but it may not be stored.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._most_bytes = max_bytes
        self._bytes = 0
        self._contents: OrderedDict[CacheKey, bytes] = OrderedDict()
        self._lock = Lock()

    def get_many(self, project_id: int, hashes: Iterable[str]) -> dict[str, bytes]:
        """Return the cached contents by hash; hashes that are not cached are left out."""
        found: dict[str, bytes] = {}
        with self._lock:
            for sha256 in hashes:
                content = self._contents.get((project_id, sha256))
                if content is not None:
                    self._contents.move_to_end((project_id, sha256))
                    found[sha256] = content
        return found

    def add(self, project_id: int, contents: Mapping[str, bytes]) -> None:
        with self._lock:
            for sha256, content in contents.items():
                if (project_id, sha256) not in self._contents:
                    self._contents[project_id, sha256] = content
                    self._bytes += len(content) + ENTRY_BYTES
            while self._bytes > self._most_bytes:
                _, evicted = self._contents.popitem(last=False)
                self._bytes -= len(evicted) + ENTRY_BYTES

    def clear(self) -> None:
        with self._lock:
            self._contents.clear()
            self._bytes = 0


PROCESS_CACHE = ObjectCache()  # shared by all threads of this process
