"""Telling a watch of the progress: one number that never goes back, and a step in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tower.clients.comfyui.errors import ComfyUIError
from tower.clients.comfyui.jobs import Where
from tower.clients.comfyui.progress import Sight
from tower.engines.base import Watch
from tower.workflows.nodes import ObjectInfo, output_nodes
from tower.workflows.paths import Paths
from tower.workflows.sampling import samplers_of

FETCHING = 0.97  # of the work is done when the clip is fetched
SHARES = {"sampling": 80.0, "decoding": 8.0, "encoding": 8.0, "preparing": 4.0}  # of the time until then
TRIES, PAUSE_S = 3, 0.5
Answer = TypeVar("Answer")


@dataclass
class Teller:
    """Talks to the watch, which may raise from each `tell`. `remarks`: sentences that outlive the render."""

    watch: Watch
    remarks: list[str] = field(default_factory=list)
    _fraction: float = 0.0
    _step: str = "preparing"
    _why: str = ""

    def tell(self, fraction: float, step: str) -> None:
        self._fraction, self._step = max(self._fraction, min(fraction, 1.0)), step
        self.watch.progress(self._fraction, step + self._why)

    def still_there(self) -> None:
        """Say again what was said: the watch may have something to say."""
        self.watch.progress(self._fraction, self._step + self._why)

    def remark(self, sentence: str) -> None:
        """Keep it, and show it beside the step from now on."""
        self.remarks.append(sentence)
        self._why = f" ({sentence})"
        self.still_there()

    def patiently(self, ask: Callable[[], Answer]) -> Answer:
        """The answer, where a server may fail to give it once or twice."""
        for _ in range(TRIES - 1):
            try:
                return ask()
            except ComfyUIError as error:
                if not error.passing:
                    raise
                self.still_there()
                time.sleep(PAUSE_S)
        return ask()


class Meter:
    """How much of a graph is done, by what its nodes do."""

    def __init__(self, graph: Mapping[str, Any], info: ObjectInfo) -> None:
        paths, saved = Paths(graph, info), output_nodes(graph, info)
        samplers = set(samplers_of(paths, saved))
        after = {node for node in graph if not samplers.isdisjoint(paths.upstream(node))}
        kinds = {"sampling": samplers, "encoding": set(saved), "decoding": after}
        self._doing = {node: next((kind for kind in kinds if node in kinds[kind]), "preparing") for node in graph}
        doing = list(self._doing.values())
        self._weight = {node: SHARES[what] / doing.count(what) for node, what in self._doing.items()}
        self._all = sum(self._weight.values())

    def read(self, sight: Sight) -> tuple[float, str]:
        """The share done, until the clip is fetched, and the step."""
        done = sum(self._weight.get(node, 0.0) for node in sight.finished)
        if sight.node not in (None, *sight.finished) and sight.maximum > 0:
            done += self._weight.get(str(sight.node), 0.0) * min(1.0, sight.value / sight.maximum)
        return FETCHING * done / self._all, self._step(sight)

    def _step(self, sight: Sight) -> str:
        if sight.away:
            return "ComfyUI does not answer, waiting for it"
        if sight.job.where is Where.QUEUED:
            return f"waiting at ComfyUI, {sight.job.ahead} before it" if sight.job.ahead else "waiting at ComfyUI"
        what = self._doing.get(sight.node or "", "preparing")
        counted = f"{sight.value:g} of {sight.maximum:g}" if sight.maximum > 1 else ""
        match what:
            case "sampling":
                return f"step {counted}" if counted else "loading models"
            case "encoding":
                return f"encoding {counted}".strip()
            case _:
                return what
