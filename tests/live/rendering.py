"""A render on a real server with recorded progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from tower.clients.comfyui.client import ComfyUIClient
from tower.engines.base import Shot
from tower.engines.comfyui.engine import ComfyUIEngine
from tower.media.probe import Probe, probe
from tower.workflows.checking import node_classes
from tower.workflows.graph import WorkflowGraph
from tower.workflows.inference import infer_bindings

SHOT = Shot(prompt="a girl in the rain", negative_prompt="lowres", seed=7, width=96, height=64, fps=12, frames=7)


@dataclass
class RecordingWatcher:
    """Records progress. `on_progress` is called each time, and may raise."""

    on_progress: Callable[[str], None] = lambda _: None
    reports: list[tuple[float, str]] = field(default_factory=list)

    def progress(self, fraction: float, step: str) -> None:
        self.reports.append((fraction, step))
        self.on_progress(step)

    @property
    def fractions(self) -> list[float]:
        return [fraction for fraction, _ in self.reports]

    @property
    def steps(self) -> list[str]:
        return [step for _, step in self.reports]


@dataclass
class LiveRender:
    """A client of the server under test, and one prompt on it."""

    client: ComfyUIClient
    target: Path
    prompt_id: str = field(default_factory=lambda: str(uuid4()))
    watcher: RecordingWatcher = field(default_factory=RecordingWatcher)
    took_s: float = 0.0

    def render(self, graph: WorkflowGraph, **changes: Any) -> tuple[str, ...]:
        shot, start_s = replace(SHOT, graph=graph, **changes), time.monotonic()
        engine = ComfyUIEngine(self.client)
        remarks = engine.render(shot, prompt_id=self.prompt_id, target=self.target, watch=self.watcher)
        self.took_s = time.monotonic() - start_s
        return remarks

    def bind_as_registered(self, graph: dict[str, Any]) -> WorkflowGraph:
        """The graph with the bindings that registering it on this server infers."""
        info = self.client.catalogue.get_class_info(node_classes(graph))
        return WorkflowGraph("own", 1, graph, infer_bindings(graph, info).bindings)

    @property
    def clip(self) -> Probe:
        return probe(self.target)
