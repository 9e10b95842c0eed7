"""Servers that are newer than the graph, and kinds of inputs that no recorded class has.

`comfyui_master/object_info.json` has three node classes as described by ComfyUI 783545f (22 August 2026), without its
tooltips.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.comfyui.setup import RECORDINGS, load_object_info
from tests.tower.workflows.graphs import object_info_with, with_inputs
from tower.workflows.builtins import builtin_workflows
from tower.workflows.checking import check_graph, fatal_findings
from tower.workflows.defaults import fill_defaults
from tower.workflows.findings import GraphFindingCode
from tower.workflows.graph import Binding
from tower.workflows.inference import infer_bindings

NEWER: dict[str, Any] = json.loads((RECORDINGS.parent / "comfyui_master" / "object_info.json").read_text())
INFO = object_info_with() | NEWER
CORE_VIDEO = builtin_workflows()["core_video"].workflow.graph
RESIZED = {"resize_type": "scale dimensions", "scale_method": "lanczos"} | {
    f"resize_type.{name}": value for name, value in {"width": 128, "height": 128, "crop": "center"}.items()
}
JOINED = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 96, "height": 64, "batch_size": 5, "color": 255}},
    "2": {"class_type": "EmptyImage", "inputs": {"width": 96, "height": 64, "batch_size": 1, "color": 0}},
    "3": {"class_type": "BatchImagesNode", "inputs": {"images.image0": ["1", 0], "images.image1": ["2", 0]}},
    "4": {"class_type": "ResizeImageMaskNode", "inputs": {"input": ["3", 0], **RESIZED}},
    "5": {"class_type": "CreateVideo", "inputs": {"images": ["4", 0], "fps": 12.0}},
    "6": {
        "class_type": "SaveVideo",
        "inputs": {"video": ["5", 0], "filename_prefix": "x", "format": "mp4", "format.codec": "h264"},
    },
}


def test_a_new_required_input_is_reported_and_then_gets_the_servers_default() -> None:
    [finding] = fatal_findings(check_graph(CORE_VIDEO, INFO))
    assert (finding.code, finding.input) == (GraphFindingCode.REQUIRED_INPUT, "codec.encoding.color_space")
    full = fill_defaults(CORE_VIDEO, INFO)
    assert full["10"]["inputs"] == CORE_VIDEO["10"]["inputs"] | {"codec.encoding.color_space": "auto"}
    assert fatal_findings(check_graph(full, INFO)) == []


@pytest.mark.parametrize("name", builtin_workflows())
def test_a_complete_graph_is_unchanged(name: str) -> None:
    graph = builtin_workflows()[name].workflow.graph
    assert fill_defaults(graph, object_info_with()) == graph


def test_an_input_without_a_default_stays_missing() -> None:
    graph = with_inputs(CORE_VIDEO, "8", model=None, steps=None)
    sampler = fill_defaults(graph, load_object_info())["8"]["inputs"]
    assert sampler["steps"] == 20
    assert "model" not in sampler


def test_growing_inputs_and_matching_types_are_accepted() -> None:
    assert check_graph(JOINED, INFO) == []


def test_the_first_of_growing_inputs_is_required() -> None:
    graph = {**JOINED, "3": {"class_type": "BatchImagesNode", "inputs": {"images.image1": ["2", 0]}}}
    [finding] = check_graph(graph, INFO)
    assert (finding.code, finding.input) == (GraphFindingCode.REQUIRED_INPUT, "images.image0")


def test_a_growing_input_accepts_its_own_type_only() -> None:
    latent = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}
    graph = with_inputs({**JOINED, "7": latent}, "3", **{"images.image1": ["7", 0]})
    [finding] = check_graph(graph, INFO)
    assert (finding.code, finding.node) == (GraphFindingCode.WRONG_TYPE, "3")


def test_bindings_are_found_through_matching_types() -> None:
    assert infer_bindings(JOINED, INFO).bindings["frames"] == [Binding("1", "batch_size")]


def test_matching_types_in_a_cycle_do_not_hang() -> None:
    graph = with_inputs(JOINED, "4", input=["4", 0])
    assert "frames" in infer_bindings(graph, INFO).missing
