"""Asks ComfyUI servers which node classes and model files they have, and keeps the answers for some seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tower.addresses import Address
from tower.clients.answer_cache import AnswerCache
from tower.clients.comfyui.catalogue import NodeCatalogue
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.http import ComfyUIHttp
from tower.errors import TowerError
from tower.workflows.nodes import ObjectInfo

FRESH_S = 5.0  # a model that was just added counts after this time
ANSWER_TIMEOUT_S = 1.5  # of one request; below the time that GET /status has for all its parts
WAIT_S = 3.0  # for the descriptions of all classes


@dataclass(frozen=True)
class ServerView:
    """What a server says about some node classes. `problem`: why it says nothing. `is_locked`: it wants a password."""

    url: str
    info: ObjectInfo | None
    problem: str | None = None
    is_locked: bool = False


class ComfyUIServers:
    """The servers that this process asks. Thread-safe."""

    def __init__(self, *, fresh_s: float = FRESH_S) -> None:
        self._cache: AnswerCache[ServerView] = AnswerCache(fresh_s=fresh_s, wait_s=WAIT_S)

    def view(self, address: Address, classes: Iterable[str], *, waits: bool = True) -> ServerView | None:
        """The server's view of these classes, at most some seconds old. None for a caller that would have to wait."""
        names = tuple(sorted(set(classes)))
        key = (address.used, tuple(address.headers.items()), names)
        found = self._cache.get(key, lambda: _ask(address, names), waits=waits)
        return found if found or not waits else ServerView(address.base_url, None, _too_slow(address))

    def close(self) -> None:
        self._cache.close()


def _ask(address: Address, names: Iterable[str]) -> ServerView:
    try:
        http = ComfyUIHttp(address, timeout_s=ANSWER_TIMEOUT_S)
    except TowerError as error:  # not an address
        return ServerView(str(address), None, error.message)
    catalogue, give_up_at = NodeCatalogue(http), time.monotonic() + WAIT_S
    info: dict[str, Any] = {}
    try:
        for name in names:
            info |= catalogue.get_class_info([name])
            if time.monotonic() > give_up_at:
                return ServerView(http.url, None, _too_slow(address))
    except ComfyUIError as error:
        return ServerView(http.url, None, error.message, is_locked=error.fault is ComfyUIFault.LOCKED)
    finally:
        http.close()
    return ServerView(http.url, info)


def _too_slow(address: Address) -> str:
    return f"ComfyUI at {address.base_url} does not answer within {WAIT_S:g} s"
