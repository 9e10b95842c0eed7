"""The comfyui engine with graphs and servers that showed faults in practice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.comfyui.server import FakeComfyUI
from tests.fakes.comfyui.setup import RECORDINGS, load_object_info
from tests.tower.engines.comfyui.comfyui_shots import FakeRender
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.rendering.workers import is_worker_fault
from tower.workflows.builtins import builtin_workflows
from tower.workflows.graph import WorkflowGraph
from tower.workflows.inference import infer_bindings

NEWER: dict[str, Any] = json.loads((RECORDINGS.parent / "comfyui_master" / "object_info.json").read_text())


def test_a_node_with_a_new_required_input_after_an_update_still_renders(tmp_path: Path) -> None:
    with FakeComfyUI(classes={"SaveVideo": NEWER["SaveVideo"]}) as comfy:
        rendering = FakeRender(comfy, tmp_path / "clip.mp4")
        rendering.run(graph=builtin_workflows()["core_video"].workflow, frames=6)
        [prompt] = comfy.prompts
    assert prompt.graph["10"]["inputs"]["codec.encoding.color_space"] == "auto"
    assert rendering.clip.frames == 6


def test_a_graph_without_a_sampler_renders_as_requested(tmp_path: Path) -> None:
    with FakeComfyUI() as comfy:
        rendering = FakeRender(comfy, tmp_path / "clip.mp4")
        rendering.run(graph=_plain(), frames=9, width=320, height=256, fps=12)
    clip = rendering.clip
    assert (clip.width, clip.height, clip.frames, float(clip.fps)) == (320, 256, 9, 12.0)
    assert rendering.watcher.reports[-1][0] == 1.0


def test_a_graph_with_a_fixed_frame_count_is_reported_after_one_rerun(tmp_path: Path) -> None:
    workflow = _plain()
    fixed = {name: several for name, several in workflow.bindings.items() if name != "frames"}
    with FakeComfyUI() as comfy:
        rendering = FakeRender(comfy, tmp_path / "clip.mp4")
        with pytest.raises(ComfyUIError, match="16 frames instead of 9") as failed:
            rendering.run(graph=WorkflowGraph("own", 1, workflow.graph, fixed), frames=9)
    assert failed.value.fault is ComfyUIFault.WRONG_FRAMES
    assert not is_worker_fault(failed.value)
    assert len(comfy.prompts) == 2


def _plain() -> WorkflowGraph:
    size = {"width": 512, "height": 512}
    saving = {"filename_prefix": "own", "format": "mp4", "codec": "h264"}
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {**size, "batch_size": 16, "color": 0x2090A0}},
        "2": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 24.0}},
        "3": {"class_type": "SaveVideo", "inputs": {"video": ["2", 0], **saving}},
    }
    return WorkflowGraph("own", 1, graph, infer_bindings(graph, load_object_info()).bindings)
