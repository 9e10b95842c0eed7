"""Follows a prompt to its end: the websocket reports progress, and HTTP requests check whether the prompt exists.

The socket may become silent, break, miss messages or report other prompts. The server may restart and forget all
prompts. So a prompt has ended only if /api/jobs or /history report it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tower.clients.comfyui.errors import ComfyUIError
from tower.clients.comfyui.jobs import Job, Where
from tower.clients.comfyui.socket import ComfyUISocket

ENDINGS = ("execution_success", "execution_error", "execution_interrupted")
HISTORY_COMES_S = 2.0  # polled fast for this long after the last message; the history took up to 0.14 s, as measured
ASK_AT_ONCE_S = 0.02  # pause between fast polls
SURELY_UNKNOWN_S = 0.2  # a prompt must be unknown for this long


@dataclass(frozen=True)
class Patience:
    """The timeouts of following a prompt, in seconds.

    `tick_s`: the longest time between two yields. `poll_s`: the server is polled after this long without news.
    `quiet_s`: the socket is reopened after this long without a message about a running prompt. `away_s`: the longest
    time without any answer of the server.
    """

    tick_s: float = 0.25
    poll_s: float = 1.0
    quiet_s: float = 20.0
    away_s: float = 120.0


@dataclass(frozen=True)
class Sight:
    """The progress of a prompt. `node` is running and has done `value` of `maximum`; `finished` nodes have ended.

    `moves` increases with every change. `away`: the server did not answer the last request.
    """

    job: Job
    node: str | None
    value: float
    maximum: float
    finished: frozenset[str]
    moves: int
    away: bool


class Asked(Protocol):
    @property
    def url(self) -> str: ...

    def job(self, prompt_id: str) -> Job: ...


def follow(client: Asked, prompt_id: str, socket: ComfyUISocket, patience: Patience) -> Iterator[Sight]:
    """Yield the progress of a prompt at least every `tick_s` until it has ended. The last one has the result.

    A prompt that the server no longer knows has ended as well. `socket` belongs to the client id of the prompt. Raises
    ComfyUIError if the server is away for too long.
    """
    watcher = _Watcher(client, prompt_id, patience)
    while True:
        message = socket.receive(watcher.wait_s())
        if message is not None:
            watcher.handle_message(message)
        if watcher.must_poll():
            watcher.poll()
        if watcher.is_socket_silent():
            socket.close()
        yield watcher.sight()
        if not watcher.job.live:
            return


@dataclass
class _Watcher:
    client: Asked
    prompt_id: str
    patience: Patience
    job: Job = field(default_factory=lambda: Job(Where.QUEUED))
    node: str | None = None
    value: float = 0.0
    maximum: float = 0.0
    finished: set[str] = field(default_factory=set)
    moves: int = 0
    away_since: float | None = None
    _last_news_at: float = field(default_factory=time.monotonic)
    _polled_at: float = 0.0
    _ending_until: float = 0.0
    _unknown_since: float | None = None

    def sight(self) -> Sight:
        finished, away = frozenset(self.finished), self.away_since is not None
        return Sight(self.job, self.node, self.value, self.maximum, finished, self.moves, away)

    def wait_s(self) -> float:
        return ASK_AT_ONCE_S if time.monotonic() < self._ending_until else self.patience.tick_s

    def handle_message(self, message: Mapping[str, Any]) -> None:
        """Apply a message if it concerns this prompt. After a reconnect the server names the node but no prompt."""
        kind, data = message.get("type"), message["data"]
        ours = data.get("prompt_id") == self.prompt_id
        if not ours and not (kind == "executing" and "prompt_id" not in data and self.job.where is Where.RUNNING):
            return
        before = self._state()
        if kind in ENDINGS or (kind == "executing" and ours and data.get("node") is None):
            self._ending_until = time.monotonic() + HISTORY_COMES_S
        else:
            self._apply(str(kind), data)
            self.job = Job(Where.RUNNING)
        self._last_news_at, self.away_since = time.monotonic(), None
        self.moves += self._state() != before

    def must_poll(self) -> bool:
        now = time.monotonic()
        if now < self._ending_until:
            return True
        return now - max(self._polled_at, self._last_news_at) >= self.patience.poll_s

    def poll(self) -> None:
        self._polled_at = time.monotonic()
        try:
            job = self.client.job(self.prompt_id)
        except ComfyUIError as error:
            if not error.passing:
                raise
            self.away_since = self.away_since or self._polled_at
            if time.monotonic() - self.away_since > self.patience.away_s:
                raise
            return
        self.away_since = None
        if job.where is Where.UNKNOWN and not self._is_surely_unknown():
            return
        self._unknown_since = self._unknown_since if job.where is Where.UNKNOWN else None
        if job != self.job:
            self.moves, self._last_news_at = self.moves + 1, time.monotonic()
        self.job = job

    def is_socket_silent(self) -> bool:
        """Whether the socket was silent for too long and should be reopened. The time then starts again."""
        is_silent = self.job.where is Where.RUNNING and time.monotonic() - self._last_news_at > self.patience.quiet_s
        if is_silent:
            self._last_news_at = time.monotonic()
        return is_silent

    def _is_surely_unknown(self) -> bool:
        """Whether the prompt is unknown repeatedly: one that moves from queue to history may be missed once."""
        self._unknown_since = self._unknown_since or self._polled_at
        self._ending_until = self._polled_at + SURELY_UNKNOWN_S * 2
        return self._polled_at - self._unknown_since >= SURELY_UNKNOWN_S

    def _state(self) -> tuple[Any, ...]:
        return (self.job, self.node, self.value, self.maximum, len(self.finished))

    def _apply(self, kind: str, data: Mapping[str, Any]) -> None:
        match kind:
            case "execution_cached":
                self.finished.update(map(str, data.get("nodes") or ()))
            case "executing":
                node = data.get("display_node") or data.get("node")
                if node != self.node:  # repeated after a reconnect, which is not progress
                    self._set_node(node)
            case "progress":
                self._set_node(data.get("node"), data.get("value"), data.get("max"))
            case "executed":
                self.finished.add(str(data.get("display_node") or data.get("node")))
            case "progress_state":
                for node, state in (data.get("nodes") or {}).items():
                    if state.get("state") == "finished":
                        self.finished.add(node)
                    elif state.get("state") == "running":
                        self._set_node(node, state.get("value"), state.get("max"))

    def _set_node(self, node: Any, value: Any = 0.0, maximum: Any = 1.0) -> None:
        """Set the running node. The node before it has ended: older servers report that only by naming the next."""
        if node is None:
            return
        if self.node not in (None, str(node)):
            self.finished.add(str(self.node))
        self.node, self.value, self.maximum = str(node), float(value or 0.0), float(maximum or 1.0)
        self.finished.discard(self.node)
