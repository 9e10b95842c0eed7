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
from tower.workflows.inference import infer

SHOT = Shot(prompt="a girl in the rain", negative_prompt="lowres", seed=7, width=96, height=64, fps=12, frames=7)


@dataclass
class Watching:
    """Records progress. `meanwhile` is called each time, and may raise."""

    meanwhile: Callable[[str], None] = lambda _: None
    told: list[tuple[float, str]] = field(default_factory=list)

    def progress(self, fraction: float, step: str) -> None:
        self.told.append((fraction, step))
        self.meanwhile(step)

    @property
    def fractions(self) -> list[float]:
        return [fraction for fraction, _ in self.told]

    @property
    def steps(self) -> list[str]:
        return [step for _, step in self.told]


@dataclass
class Live:
    """A client of the server under test, and one prompt on it."""

    client: ComfyUIClient
    target: Path
    prompt_id: str = field(default_factory=lambda: str(uuid4()))
    watching: Watching = field(default_factory=Watching)
    took_s: float = 0.0

    def render(self, graph: WorkflowGraph, **changes: Any) -> tuple[str, ...]:
        shot, began = replace(SHOT, graph=graph, **changes), time.monotonic()
        engine = ComfyUIEngine(self.client)
        remarks = engine.render(shot, prompt_id=self.prompt_id, target=self.target, watch=self.watching)
        self.took_s = time.monotonic() - began
        return remarks

    def as_users_own(self, graph: dict[str, Any]) -> WorkflowGraph:
        """The graph with the bindings that registering it on this server infers."""
        info = self.client.catalogue.of_classes(node_classes(graph))
        return WorkflowGraph("own", 1, graph, infer(graph, info).bindings)

    @property
    def clip(self) -> Probe:
        return probe(self.target)
