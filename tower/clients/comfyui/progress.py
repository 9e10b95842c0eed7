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
from tower.clients.comfyui.jobs import PromptJob, PromptStatus
from tower.clients.comfyui.socket import ComfyUISocket

END_MESSAGES = ("execution_success", "execution_error", "execution_interrupted")
HISTORY_TIMEOUT_S = 2.0  # polled fast for this long after the last message; the history took up to 0.14 s, as measured
FAST_POLL_S = 0.02  # pause between fast polls
CONFIRM_UNKNOWN_S = 0.2  # a prompt must be unknown for this long


@dataclass(frozen=True)
class FollowTimeouts:
    """The timeouts of following a prompt, in seconds.

    `tick_s`: the longest time between two yields. `poll_s`: the server is polled after this long without news.
    `silence_s`: the socket is reopened after this long without a message about a running prompt. `unreachable_s`: the
    longest time without any answer of the server.
    """

    tick_s: float = 0.25
    poll_s: float = 1.0
    silence_s: float = 20.0
    unreachable_s: float = 120.0


@dataclass(frozen=True)
class PromptProgress:
    """The progress of a prompt. `node` is running and has done `value` of `maximum`; `finished_nodes` have ended.

    `changes` increases with every change. `is_unreachable`: the server did not answer the last request.
    """

    job: PromptJob
    node: str | None
    value: float
    maximum: float
    finished_nodes: frozenset[str]
    changes: int
    is_unreachable: bool


class JobSource(Protocol):
    @property
    def url(self) -> str: ...

    def get_job(self, prompt_id: str) -> PromptJob: ...


def follow_prompt(
    client: JobSource, prompt_id: str, socket: ComfyUISocket, timeouts: FollowTimeouts
) -> Iterator[PromptProgress]:
    """Yield the progress of a prompt at least every `tick_s` until it has ended. The last one has the result.

    A prompt that the server no longer knows has ended as well. `socket` belongs to the client id of the prompt. Raises
    ComfyUIError if the server is away for too long.
    """
    watcher = _Watcher(client, prompt_id, timeouts)
    while True:
        message = socket.receive(watcher.wait_s())
        if message is not None:
            watcher.handle_message(message)
        if watcher.must_poll():
            watcher.poll()
        if watcher.is_socket_silent():
            socket.close()
        yield watcher.sight()
        if not watcher.job.is_live:
            return


@dataclass
class _Watcher:
    client: JobSource
    prompt_id: str
    patience: FollowTimeouts
    job: PromptJob = field(default_factory=lambda: PromptJob(PromptStatus.QUEUED))
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

    def sight(self) -> PromptProgress:
        finished, away = frozenset(self.finished), self.away_since is not None
        return PromptProgress(self.job, self.node, self.value, self.maximum, finished, self.moves, away)

    def wait_s(self) -> float:
        return FAST_POLL_S if time.monotonic() < self._ending_until else self.patience.tick_s

    def handle_message(self, message: Mapping[str, Any]) -> None:
        """Apply a message if it concerns this prompt. After a reconnect the server names the node but no prompt."""
        kind, data = message.get("type"), message["data"]
        ours = data.get("prompt_id") == self.prompt_id
        if not ours and not (
            kind == "executing" and "prompt_id" not in data and self.job.status is PromptStatus.RUNNING
        ):
            return
        before = self._state()
        if kind in END_MESSAGES or (kind == "executing" and ours and data.get("node") is None):
            self._ending_until = time.monotonic() + HISTORY_TIMEOUT_S
        else:
            self._apply(str(kind), data)
            self.job = PromptJob(PromptStatus.RUNNING)
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
            job = self.client.get_job(self.prompt_id)
        except ComfyUIError as error:
            if not error.is_temporary:
                raise
            self.away_since = self.away_since or self._polled_at
            if time.monotonic() - self.away_since > self.patience.unreachable_s:
                raise
            return
        self.away_since = None
        if job.status is PromptStatus.UNKNOWN and not self._is_surely_unknown():
            return
        self._unknown_since = self._unknown_since if job.status is PromptStatus.UNKNOWN else None
        if job != self.job:
            self.moves, self._last_news_at = self.moves + 1, time.monotonic()
        self.job = job

    def is_socket_silent(self) -> bool:
        """Whether the socket was silent for too long and should be reopened. The time then starts again."""
        is_silent = (
            self.job.status is PromptStatus.RUNNING and time.monotonic() - self._last_news_at > self.patience.silence_s
        )
        if is_silent:
            self._last_news_at = time.monotonic()
        return is_silent

    def _is_surely_unknown(self) -> bool:
        """Whether the prompt is unknown repeatedly: one that moves from queue to history may be missed once."""
        self._unknown_since = self._unknown_since or self._polled_at
        self._ending_until = self._polled_at + CONFIRM_UNKNOWN_S * 2
        return self._polled_at - self._unknown_since >= CONFIRM_UNKNOWN_S

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
