"""Watching a prompt to its end: the websocket tells how far it is, asking over HTTP tells whether it is there at all.

The socket may fall silent for ever, break, miss messages, or tell of other people's prompts; the server may be started
again and forget everything. So nothing is believed to have ended but what /api/jobs or /history say has ended.
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
HISTORY_COMES_S = 2.0  # after the last message, how long to ask at once again: measured, it takes up to 0.14 s
ASK_AT_ONCE_S = 0.02
SURELY_UNKNOWN_S = 0.2


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds.

    `tick_s`: at the latest so often something is yielded. `poll_s`: so long without news, then the server is asked.
    `quiet_s`: so long may the socket say nothing of a running prompt, then it is opened anew. `away_s`: so long may
    the server not answer at all.
    """

    tick_s: float = 0.25
    poll_s: float = 1.0
    quiet_s: float = 20.0
    away_s: float = 120.0


@dataclass(frozen=True)
class Sight:
    """What is seen of a prompt. `node` works now and has done `value` of `maximum`; `finished` nodes have ended.

    `moves` counts up whenever anything at all has moved. `away`: the server did not answer the last question.
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
    """What is seen of a prompt, at least every `tick_s`, until it has ended: the last one says how.

    It has ended too when the server no longer knows it. `socket`: of the client id that it was sent with. Raises
    ComfyUIError if the server is away for too long.
    """
    view = _View(client, prompt_id, patience)
    while True:
        message = socket.receive(view.wait_s())
        if message is not None:
            view.hear(message)
        if view.must_ask():
            view.ask()
        if view.socket_is_dumb():
            socket.close()
        yield view.sight()
        if not view.job.live:
            return


@dataclass
class _View:
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
    _heard_at: float = field(default_factory=time.monotonic)
    _asked_at: float = 0.0
    _ending_until: float = 0.0
    _unknown_since: float | None = None

    def sight(self) -> Sight:
        finished, away = frozenset(self.finished), self.away_since is not None
        return Sight(self.job, self.node, self.value, self.maximum, finished, self.moves, away)

    def wait_s(self) -> float:
        return ASK_AT_ONCE_S if time.monotonic() < self._ending_until else self.patience.tick_s

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take what concerns this prompt. After a reconnect the server names the node at work, and no prompt."""
        kind, said = message.get("type"), message["data"]
        ours = said.get("prompt_id") == self.prompt_id
        if not ours and not (kind == "executing" and "prompt_id" not in said and self.job.where is Where.RUNNING):
            return
        before = self._state()
        if kind in ENDINGS or (kind == "executing" and ours and said.get("node") is None):
            self._ending_until = time.monotonic() + HISTORY_COMES_S
        else:
            self._take(str(kind), said)
            self.job = Job(Where.RUNNING)
        self._heard_at, self.away_since = time.monotonic(), None
        self.moves += self._state() != before

    def must_ask(self) -> bool:
        now = time.monotonic()
        if now < self._ending_until:
            return True
        return now - max(self._asked_at, self._heard_at) >= self.patience.poll_s

    def ask(self) -> None:
        self._asked_at = time.monotonic()
        try:
            job = self.client.job(self.prompt_id)
        except ComfyUIError as error:
            if not error.passing:
                raise
            self.away_since = self.away_since or self._asked_at
            if time.monotonic() - self.away_since > self.patience.away_s:
                raise
            return
        self.away_since = None
        if job.where is Where.UNKNOWN and not self._surely_unknown():
            return
        self._unknown_since = self._unknown_since if job.where is Where.UNKNOWN else None
        if job != self.job:
            self.moves, self._heard_at = self.moves + 1, time.monotonic()
        self.job = job

    def socket_is_dumb(self) -> bool:
        """Silent for too long: maybe for ever, so that only a new one hears anything. Then the next may be as long."""
        dumb = self.job.where is Where.RUNNING and time.monotonic() - self._heard_at > self.patience.quiet_s
        if dumb:
            self._heard_at = time.monotonic()
        return dumb

    def _surely_unknown(self) -> bool:
        """Unknown twice: a prompt on its way from one place to the next may be missed once."""
        self._unknown_since = self._unknown_since or self._asked_at
        self._ending_until = self._asked_at + SURELY_UNKNOWN_S * 2
        return self._asked_at - self._unknown_since >= SURELY_UNKNOWN_S

    def _state(self) -> tuple[Any, ...]:
        return (self.job, self.node, self.value, self.maximum, len(self.finished))

    def _take(self, kind: str, said: Mapping[str, Any]) -> None:
        match kind:
            case "execution_cached":
                self.finished.update(map(str, said.get("nodes") or ()))
            case "executing":
                node = said.get("display_node") or said.get("node")
                if node != self.node:  # else it is said again, after a reconnect: that is no progress
                    self._at(node)
            case "progress":
                self._at(said.get("node"), said.get("value"), said.get("max"))
            case "executed":
                self.finished.add(str(said.get("display_node") or said.get("node")))
            case "progress_state":
                for node, state in (said.get("nodes") or {}).items():
                    if state.get("state") == "finished":
                        self.finished.add(node)
                    elif state.get("state") == "running":
                        self._at(node, state.get("value"), state.get("max"))

    def _at(self, node: Any, value: Any = 0.0, maximum: Any = 1.0) -> None:
        """This node works. The one before it has ended, as older servers say only by naming the next."""
        if node is None:
            return
        if self.node not in (None, str(node)):
            self.finished.add(str(self.node))
        self.node, self.value, self.maximum = str(node), float(value or 0.0), float(maximum or 1.0)
        self.finished.discard(self.node)
