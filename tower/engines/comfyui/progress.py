"""Reports progress to a watch: a fraction that never decreases, and the current step as text."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tower.clients.comfyui.errors import ComfyUIError
from tower.clients.comfyui.jobs import PromptStatus
from tower.clients.comfyui.progress import PromptProgress
from tower.engines.base import Watch
from tower.workflows.nodes import ObjectInfo, output_nodes
from tower.workflows.paths import GraphPaths
from tower.workflows.sampling import find_samplers

FETCH_STARTS_AT = 0.97  # the fraction that is done when the download starts
STEP_SHARES = {"sampling": 80.0, "decoding": 8.0, "encoding": 8.0, "preparing": 4.0}  # percent of the time until then
ATTEMPTS, PAUSE_S = 3, 0.5
BUSY_S = 60.0  # a proxy may answer 429 or 502 for as long as its server restarts
Answer = TypeVar("Answer")


@dataclass
class RenderReporter:
    """Reports to a watch, which may raise on each report. `remarks`: sentences that stay with the take."""

    watch: Watch
    remarks: list[str] = field(default_factory=list)
    _fraction: float = 0.0
    _step: str = "preparing"
    _remark: str = ""

    def report(self, fraction: float, step: str) -> None:
        self._fraction, self._step = max(self._fraction, min(fraction, 1.0)), step
        self.watch.progress(self._fraction, step + self._remark)

    def repeat(self) -> None:
        """Repeat the last report, so that the watch can raise."""
        self.watch.progress(self._fraction, self._step + self._remark)

    def remark(self, sentence: str) -> None:
        """Keep a remark, and show it next to the step from now on."""
        self.remarks.append(sentence)
        self._remark = f" ({sentence})"
        self.repeat()

    def retry(self, ask: Callable[[], Answer]) -> Answer:
        """Call `ask` until the server answers, up to ATTEMPTS times, or for BUSY_S while the server is busy."""
        give_up_at, failures = time.monotonic() + BUSY_S, 0
        while True:
            try:
                return ask()
            except ComfyUIError as error:
                failures += not error.is_busy
                if not error.is_temporary or failures >= ATTEMPTS or time.monotonic() > give_up_at:
                    raise
            self.repeat()
            time.sleep(PAUSE_S)


class ProgressMeter:
    """Estimates how much of a graph is done, weighted by the kind of its nodes."""

    def __init__(self, graph: Mapping[str, Any], info: ObjectInfo) -> None:
        paths, saved = GraphPaths(graph, info), output_nodes(graph, info)
        samplers = set(find_samplers(paths, saved))
        after = {node for node in graph if not samplers.isdisjoint(paths.walk_upstream(node))}
        kinds = {"sampling": samplers, "encoding": set(saved), "decoding": after}
        self._kinds = {node: next((kind for kind in kinds if node in kinds[kind]), "preparing") for node in graph}
        node_kinds = list(self._kinds.values())
        self._weights = {node: STEP_SHARES[kind] / node_kinds.count(kind) for node, kind in self._kinds.items()}
        self._total = sum(self._weights.values())

    def measure(self, sight: PromptProgress) -> tuple[float, str]:
        """The fraction that is done, at most FETCH_STARTS_AT, and the current step."""
        done = sum(self._weights.get(node, 0.0) for node in sight.finished_nodes)
        if sight.node not in (None, *sight.finished_nodes) and sight.maximum > 0:
            done += self._weights.get(str(sight.node), 0.0) * min(1.0, sight.value / sight.maximum)
        return FETCH_STARTS_AT * done / self._total, self._step(sight)

    def _step(self, sight: PromptProgress) -> str:
        if sight.is_unreachable:
            return "ComfyUI does not answer, waiting for it"
        if sight.job.status is PromptStatus.QUEUED:
            return (
                f"waiting at ComfyUI, {sight.job.prompts_ahead} before it"
                if sight.job.prompts_ahead
                else "waiting at ComfyUI"
            )
        kind = self._kinds.get(sight.node or "", "preparing")
        counter = f"{sight.value:g} of {sight.maximum:g}" if sight.maximum > 1 else ""
        match kind:
            case "sampling":
                return f"step {counter}" if counter else "loading models"
            case "encoding":
                return f"encoding {counter}".strip()
            case _:
                return kind
