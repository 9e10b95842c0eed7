"""One prompt on the server, from the first look to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, Fault
from tower.clients.comfyui.jobs import Job, Where
from tower.clients.comfyui.progress import Patience, Sight
from tower.engines.comfyui.progress import TRIES, Meter, Teller
from tower.workflows.nodes import ObjectInfo, class_of

log = logging.getLogger("tower.comfyui")
RESENDS = 2  # after the server was started again and had forgotten it
LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Limits:
    """In seconds; see ComfyUIEngine."""

    no_progress_s: float
    queue_stalled_s: float
    doubt_s: float
    stop_s: float
    patience: Patience


@dataclass
class Prompt:
    """A graph under an id. Its client id is the same for every process that ever watches it, so all are told."""

    client: ComfyUIClient
    prompt_id: str
    graph: Mapping[str, Any]
    info: ObjectInfo
    limits: Limits

    def result(self, teller: Teller) -> Job:
        """How the prompt ended, done or failed: looked for first, sent only if the server does not know it.

        Raises ComfyUIError: STOPPED_BEFORE if it had been stopped before this call, INTERRUPTED if it is during it,
        STALLED, LOST, and what sending and watching raise.
        """
        for sent_before in range(1 + RESENDS):
            if sent_before:
                teller.remark("ComfyUI had forgotten the prompt, as after a restart: sent again")
            job = teller.patiently(lambda: self.client.job(self.prompt_id))
            if job.where is Where.INTERRUPTED:
                raise ComfyUIError(Fault.STOPPED_BEFORE, f"Prompt {self.prompt_id} was stopped on the server")
            if job.live or job.where is Where.UNKNOWN:
                job = self._watched(teller, send=job.where is Where.UNKNOWN)
            if job.where is Where.INTERRUPTED:
                said = "Someone stopped this render in ComfyUI; generate it again if that was not meant"
                raise ComfyUIError(Fault.INTERRUPTED, said)
            if job.where is not Where.UNKNOWN:
                return job
        said = f"ComfyUI at {self.client.url} lost the prompt {1 + RESENDS} times; see in its log why it ends"
        raise ComfyUIError(Fault.LOST, said)

    def _send(self, teller: Teller) -> None:
        """Send it until the server has it. An answer that did not come may mean that it has: look, then send again."""
        error: ComfyUIError | None = None
        for _ in range(TRIES):
            try:
                return self.client.submit(self.graph, self.prompt_id, self._client_id)
            except ComfyUIError as doubtful:
                if not doubtful.passing:
                    raise
                error = doubtful
            if self._appears(teller):
                return None
        raise error or AssertionError

    def _appears(self, teller: Teller) -> bool:
        until = time.monotonic() + self.limits.doubt_s
        while time.monotonic() < until:
            teller.still_there()
            try:
                if self.client.job(self.prompt_id).where is not Where.UNKNOWN:
                    return True
            except ComfyUIError as error:
                if not error.passing:
                    raise
            time.sleep(LOOK_EVERY_S)
        return False

    def _watched(self, teller: Teller, *, send: bool) -> Job:
        meter, job = Meter(self.graph, self.info), Job(Where.UNKNOWN)
        with self.client.socket(self._client_id) as socket:
            if send:
                self._send(teller)
            watchdog = _Watchdog(self.limits)
            for sight in self.client.follow(self.prompt_id, socket, self.limits.patience):
                job = sight.job
                if stood_s := watchdog.stands_still(sight):
                    raise self._stalled(sight, stood_s)
                teller.tell(*meter.read(sight))
        return job

    def _stalled(self, sight: Sight, stood_s: float) -> ComfyUIError:
        stop(self.client, self.prompt_id, within_s=self.limits.stop_s)
        node = sight.node if sight.node in self.graph else None
        where = f" at node {node} ({class_of(self.graph, node)})" if node else ""
        what = "its queue has not moved" if sight.job.where is Where.QUEUED else f"no progress{where}"
        said = f"ComfyUI at {self.client.url}: {what} for {stood_s:.0f} s; its worker may be dead, restart it"
        return ComfyUIError(Fault.STALLED, said)

    @property
    def _client_id(self) -> str:
        return f"tower-{self.prompt_id}"


def stop(client: ComfyUIClient, prompt_id: str, *, within_s: float) -> None:
    """Stop it and see that it has stopped. A server that does not answer is only noted: the render is over here."""
    try:
        client.cancel(prompt_id, timeout_s=within_s)
    except ComfyUIError as error:
        log.warning("Prompt %s may go on: %s", prompt_id, error.message)


class _Watchdog:
    """Notices a prompt that stands still. While the server is away it is not known whether it does."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._moves, self._since = -1, time.monotonic()

    def stands_still(self, sight: Sight) -> float:
        """For how long, in seconds, if that is too long; else 0."""
        if sight.moves != self._moves or sight.away or not sight.job.live:
            self._moves, self._since = sight.moves, time.monotonic()
        stood_s = time.monotonic() - self._since
        queued = sight.job.where is Where.QUEUED
        return stood_s if stood_s > (self._limits.queue_stalled_s if queued else self._limits.no_progress_s) else 0.0
