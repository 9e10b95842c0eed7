"""Runs one prompt on the server, from the first query to its end."""

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
RESENDS = 2  # after the server restarted and forgot the prompt
LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Limits:
    """The time limits of a run, in seconds. ComfyUIEngine explains them."""

    no_progress_s: float
    queue_stalled_s: float
    doubt_s: float
    stop_s: float
    patience: Patience


@dataclass
class Prompt:
    """A graph to run under an id. Every process that watches it uses the same client id, so all receive progress."""

    client: ComfyUIClient
    prompt_id: str
    graph: Mapping[str, Any]
    info: ObjectInfo
    limits: Limits

    def result(self, teller: Teller) -> Job:
        """Wait for the prompt to end, done or failed. It is sent only if the server does not know it.

        Raises ComfyUIError: STOPPED_BEFORE if it was stopped before this call, INTERRUPTED if it is stopped during the
        call, STALLED, LOST, and the errors of sending and following.
        """
        for sent_before in range(1 + RESENDS):
            if sent_before:
                teller.remark("ComfyUI lost the prompt, as after a restart: it was sent again")
            job = teller.patiently(lambda: self.client.job(self.prompt_id))
            if job.where is Where.INTERRUPTED:
                raise ComfyUIError(Fault.STOPPED_BEFORE, f"Prompt {self.prompt_id} was stopped on the server")
            if job.live or job.where is Where.UNKNOWN:
                job = self._follow(teller, send=job.where is Where.UNKNOWN)
            if job.where is Where.INTERRUPTED:
                message = "Someone stopped this render in ComfyUI; generate it again if that was a mistake"
                raise ComfyUIError(Fault.INTERRUPTED, message)
            if job.where is not Where.UNKNOWN:
                return job
        message = f"ComfyUI at {self.client.url} lost the prompt {1 + RESENDS} times; check its log for the reason"
        raise ComfyUIError(Fault.LOST, message)

    def _send(self, teller: Teller) -> None:
        """Send the prompt until the server has it. Without an answer, look for it before sending it again."""
        error: ComfyUIError | None = None
        for _ in range(TRIES):
            try:
                return self.client.submit(self.graph, self.prompt_id, self._client_id)
            except ComfyUIError as caught:
                if not caught.passing:
                    raise
                error = caught
            if self._appears(teller):
                return None
        raise error or AssertionError

    def _appears(self, teller: Teller) -> bool:
        until = time.monotonic() + self.limits.doubt_s
        while time.monotonic() < until:
            teller.repeat()
            try:
                if self.client.job(self.prompt_id).where is not Where.UNKNOWN:
                    return True
            except ComfyUIError as error:
                if not error.passing:
                    raise
            time.sleep(LOOK_EVERY_S)
        return False

    def _follow(self, teller: Teller, *, send: bool) -> Job:
        meter, job = Meter(self.graph, self.info), Job(Where.UNKNOWN)
        with self.client.socket(self._client_id) as socket:
            if send:
                self._send(teller)
            watchdog = _Watchdog(self.limits)
            for sight in self.client.follow(self.prompt_id, socket, self.limits.patience):
                job = sight.job
                if idle_s := watchdog.idle_s(sight):
                    raise self._stall_error(sight, idle_s)
                teller.tell(*meter.read(sight))
        return job

    def _stall_error(self, sight: Sight, idle_s: float) -> ComfyUIError:
        stop(self.client, self.prompt_id, within_s=self.limits.stop_s)
        node = sight.node if sight.node in self.graph else None
        where = f" at node {node} ({class_of(self.graph, node)})" if node else ""
        problem = "its queue has not moved" if sight.job.where is Where.QUEUED else f"no progress{where}"
        message = f"ComfyUI at {self.client.url}: {problem} for {idle_s:.0f} s; it may have crashed, restart it"
        return ComfyUIError(Fault.STALLED, message)

    @property
    def _client_id(self) -> str:
        return f"tower-{self.prompt_id}"


def stop(client: ComfyUIClient, prompt_id: str, *, within_s: float) -> None:
    """Stop a prompt and wait until it has stopped. Errors are only logged, because the render is over here."""
    try:
        client.cancel(prompt_id, timeout_s=within_s)
    except ComfyUIError as error:
        log.warning("Prompt %s may still be running: %s", prompt_id, error.message)


class _Watchdog:
    """Detects a prompt without progress. Time without an answer of the server does not count."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._moves, self._since = -1, time.monotonic()

    def idle_s(self, sight: Sight) -> float:
        """The time without progress in seconds if it exceeds the limit, else 0."""
        if sight.moves != self._moves or sight.away or not sight.job.live:
            self._moves, self._since = sight.moves, time.monotonic()
        idle_s = time.monotonic() - self._since
        queued = sight.job.where is Where.QUEUED
        return idle_s if idle_s > (self._limits.queue_stalled_s if queued else self._limits.no_progress_s) else 0.0
