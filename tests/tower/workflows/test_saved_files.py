"""What a graph saves is known before it is rendered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tower.workflows.test_tracing import described, node
from tower.workflows.saved_files import clip_findings

OUT = described([], {"images": ["IMAGE"]}, {"format": ["COMBO"]}, output_node=True)
INFO = dict.fromkeys(("VHS_VideoCombine", "SaveVideo", "SaveAnimatedWEBP", "SaveWEBM", "SaveImage", "Other"), OUT)
INFO |= {"Load": described("IMAGE"), "Text": described("STRING", {"value": ["STRING"]})}


def messages(*savers: dict[str, Any]) -> list[str]:
    graph = {"0": node("Load"), "t": node("Text", value="video/webm")}
    for number, saver in enumerate(savers, start=1):
        graph[str(number)] = {**saver, "inputs": {"images": ["0", 0], **saver["inputs"]}}
    return [finding.message for finding in clip_findings(graph, INFO)]


@pytest.mark.parametrize(
    "savers",
    [
        [node("VHS_VideoCombine", format="video/h264-mp4")],
        [node("VHS_VideoCombine", format="video/nvenc_hevc-mp4")],
        [node("SaveVideo", format="auto")],
        [node("SaveVideo", format="mp4"), node("SaveAnimatedWEBP")],
        [node("Other")],
        [node("VHS_VideoCombine", format=["0", 0])],
    ],
)
def test_a_graph_that_saves_or_may_save_a_clip_has_no_finding(savers: list[dict[str, Any]]) -> None:
    assert messages(*savers) == []


@pytest.mark.parametrize(
    ("savers", "kinds"),
    [
        ([node("SaveAnimatedWEBP")], "webp"),
        ([node("SaveWEBM")], "webm"),
        ([node("VHS_VideoCombine", format="image/gif")], "gif"),
        ([node("VHS_VideoCombine", format="video/ProRes")], "mov"),
        ([node("VHS_VideoCombine", format=["t", 0])], "webm"),
        ([node("SaveAnimatedWEBP"), node("SaveImage")], "png, webp"),
    ],
)
def test_a_graph_that_saves_something_else_is_named(savers: list[dict[str, Any]], kinds: str) -> None:
    assert messages(*savers) == [f"The graph saves {kinds}, and a shot must be an MP4"]


def test_a_graph_that_saves_pictures_is_for_stills() -> None:
    assert messages(node("SaveImage")) == ["The graph saves pictures (png), so it is of no use for shots"]
