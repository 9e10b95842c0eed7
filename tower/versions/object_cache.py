"""Version objects that were read or written lately, kept in memory: what a hash names never changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

MOST_BYTES = 32 * 1024 * 1024
ENTRY_BYTES = 400  # about what key and place take beside the content

Key = tuple[int, str]  # project and hash: another project's objects are nobody's business


class Remembered:
    """Contents, up to so many bytes; what was asked for longest ago is forgotten first. For all threads.

    What is remembered may be from a transaction that was rolled back: true, but not for sure stored.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._contents: OrderedDict[Key, bytes] = OrderedDict()
        self._lock = Lock()

    def known(self, project_id: int, hashes: Iterable[str]) -> dict[str, bytes]:
        """The contents of those that are remembered, by hash."""
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
                _, forgotten = self._contents.popitem(last=False)
                self._bytes -= len(forgotten) + ENTRY_BYTES

    def forget(self) -> None:
        """All of it."""
        with self._lock:
            self._contents.clear()
            self._bytes = 0


REMEMBERED = Remembered()  # of this process
