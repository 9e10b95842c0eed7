"""Shots, renders and watchers for the tests of the comfyui engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.fakes.comfyui.server import FakeComfyUI
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.progress import FollowTimeouts
from tower.engines.base import Shot
from tower.engines.comfyui.engine import ComfyUIEngine
from tower.media.probe import Probe, probe
from tower.workflows.builtins import builtin_workflows

DOCUMENTED_MODELS = {"animatediff_models": ["mm-Stabilized_high.pth"]}
SHORT_PATIENCE = FollowTimeouts(tick_s=0.05, poll_s=0.2, silence_s=1.0, unreachable_s=5.0)


@dataclass
class RecordingWatcher:
    """Records progress. `on_progress` is called each time, and may raise or change the server."""

    on_progress: Callable[[float, str], None] = lambda *_: None
    reports: list[tuple[float, str]] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)

    def progress(self, fraction: float, step: str) -> None:
        self.reports.append((fraction, step))
        self.at_s.append(time.monotonic())
        self.on_progress(fraction, step)

    @property
    def steps(self) -> list[str]:
        return [step for _, step in self.reports]


@dataclass
class FakeRender:
    """An engine on a fake server, and one shot's render on it."""

    comfy: FakeComfyUI
    target: Path
    prompt_id: str = field(default_factory=lambda: str(uuid4()))
    watcher: RecordingWatcher = field(default_factory=RecordingWatcher)
    limits: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = 5.0

    def run(self, **changes: Any) -> tuple[str, ...]:
        with ComfyUIClient(self.comfy.url, timeout_s=self.timeout_s) as client:
            engine = ComfyUIEngine(client, **{"follow_timeouts": SHORT_PATIENCE, "doubt_s": 0.5, **self.limits})
            return engine.render(
                build_shot(**changes), prompt_id=self.prompt_id, target=self.target, watch=self.watcher
            )

    @property
    def clip(self) -> Probe:
        return probe(self.target)


def build_shot(**changes: Any) -> Shot:
    """A small, fast shot with the animatediff workflow."""
    graph = builtin_workflows()["animatediff"].workflow
    shot = Shot(prompt="a girl in the rain", negative_prompt="lowres", seed=7, width=256, height=256, fps=24, frames=8)
    return replace(shot, **{"steps": 4, "graph": graph, **changes})
