"""Runs one prompt on the server, from the first query to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptJob, PromptStatus
from tower.clients.comfyui.progress import FollowTimeouts, PromptProgress
from tower.engines.comfyui.progress import ATTEMPTS, BUSY_S, ProgressMeter, RenderReporter
from tower.workflows.nodes import ObjectInfo, class_of

log = logging.getLogger("tower.comfyui")
MAX_RESENDS = 2  # after the server forgot the prompt
POLL_S = 0.25


@dataclass(frozen=True)
class RunLimits:
    """The time limits of a run, in seconds. ComfyUIEngine explains them."""

    no_progress_s: float
    queue_stalled_s: float
    doubt_s: float
    stop_s: float
    follow_timeouts: FollowTimeouts


@dataclass
class PromptRun:
    """A graph to run under an id. Every process that watches it uses the same client id, so all receive progress."""

    client: ComfyUIClient
    prompt_id: str
    graph: Mapping[str, Any]
    info: ObjectInfo
    limits: RunLimits

    def wait_for_result(self, reporter: RenderReporter) -> PromptJob:
        """Wait for the prompt to end, done or failed. It is sent only if the server does not know it.

        Raises ComfyUIError: STOPPED_BEFORE if it was stopped before this call, INTERRUPTED if it is stopped during the
        call, STALLED, LOST, and the errors of sending and following.
        """
        for sent_before in range(1 + MAX_RESENDS):
            if sent_before:
                reporter.remark("ComfyUI lost the prompt, as after a restart or a cleared queue: it was sent again")
            job = reporter.retry(lambda: self.client.get_job(self.prompt_id))
            if job.status is PromptStatus.INTERRUPTED:
                raise ComfyUIError(ComfyUIFault.STOPPED_BEFORE, f"Prompt {self.prompt_id} was stopped on the server")
            if job.is_live or job.status is PromptStatus.UNKNOWN:
                job = self._follow(reporter, send=job.status is PromptStatus.UNKNOWN)
            if job.status is PromptStatus.INTERRUPTED:
                message = "Someone stopped this render in ComfyUI; generate it again if that was a mistake"
                raise ComfyUIError(ComfyUIFault.INTERRUPTED, message)
            if job.status is not PromptStatus.UNKNOWN:
                return job
        message = f"ComfyUI at {self.client.url} lost the prompt {1 + MAX_RESENDS} times; check its log for the reason"
        raise ComfyUIError(ComfyUIFault.LOST, message)

    def _send(self, teller: RenderReporter) -> None:
        """Send the prompt until the server has it. Without an answer, look for it before sending it again."""
        give_up_at, failures = time.monotonic() + BUSY_S, 0
        while True:
            try:
                return self.client.submit(self.graph, self.prompt_id, self._client_id)
            except ComfyUIError as error:
                failures += not error.is_busy
                if not error.is_temporary:
                    raise
                if self._appears(teller):
                    return None
                if failures >= ATTEMPTS or time.monotonic() > give_up_at:
                    raise

    def _appears(self, teller: RenderReporter) -> bool:
        """Whether the server has the prompt. Without a clear answer it raises: another copy would render too."""
        doubt_until, give_up_at = time.monotonic() + self.limits.doubt_s, time.monotonic() + BUSY_S
        while True:
            teller.repeat()
            try:
                if self.client.get_job(self.prompt_id).status is not PromptStatus.UNKNOWN:
                    return True
                if time.monotonic() > doubt_until:
                    return False
            except ComfyUIError as error:
                if not error.is_temporary or time.monotonic() > give_up_at:
                    raise
            time.sleep(POLL_S)

    def _follow(self, teller: RenderReporter, *, send: bool) -> PromptJob:
        meter, job = ProgressMeter(self.graph, self.info), PromptJob(PromptStatus.UNKNOWN)
        with self.client.open_socket(self._client_id) as socket:
            if send:
                self._send(teller)
            watchdog = _Watchdog(self.limits)
            for sight in self.client.follow(self.prompt_id, socket, self.limits.follow_timeouts):
                job = sight.job
                if idle_s := watchdog.idle_s(sight):
                    raise self._stall_error(sight, idle_s)
                teller.report(*meter.measure(sight))
        return job

    def _stall_error(self, sight: PromptProgress, idle_s: float) -> ComfyUIError:
        stop_prompt(self.client, self.prompt_id, within_s=self.limits.stop_s)
        node = sight.node if sight.node in self.graph else None
        where = f" at node {node} ({class_of(self.graph, node)})" if node else ""
        problem = "its queue has not moved" if sight.job.status is PromptStatus.QUEUED else f"no progress{where}"
        message = f"ComfyUI at {self.client.url}: {problem} for {idle_s:.0f} s; it may have crashed, restart it"
        return ComfyUIError(ComfyUIFault.STALLED, message)

    @property
    def _client_id(self) -> str:
        return f"tower-{self.prompt_id}"


def stop_prompt(client: ComfyUIClient, prompt_id: str, *, within_s: float) -> None:
    """Stop a prompt and wait until it has stopped. Errors are only logged, because the render is over here."""
    try:
        client.cancel(prompt_id, timeout_s=within_s)
    except ComfyUIError as error:
        log.warning("Prompt %s may still be running: %s", prompt_id, error.message)


class _Watchdog:
    """Detects a prompt without progress. Time without an answer of the server does not count."""

    def __init__(self, limits: RunLimits) -> None:
        self._limits = limits
        self._moves, self._since = -1, time.monotonic()

    def idle_s(self, sight: PromptProgress) -> float:
        """The time without progress in seconds if it exceeds the limit, else 0."""
        if sight.changes != self._moves or sight.is_unreachable or not sight.job.is_live:
            self._moves, self._since = sight.changes, time.monotonic()
        idle_s = time.monotonic() - self._since
        queued = sight.job.status is PromptStatus.QUEUED
        return idle_s if idle_s > (self._limits.queue_stalled_s if queued else self._limits.no_progress_s) else 0.0
