"""A graph that a server cannot run is refused before it is sent, with a suggested correction."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.comfyui.replay import list_recordings, load_exchange, load_workflow
from tests.fakes.comfyui.setup import RECORDINGS, load_object_info
from tests.tower.workflows.graphs import object_info_with, with_inputs
from tower.workflows.checking import check_graph, fatal_findings
from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.node_packs import find_pack

RECORDED = sorted(path.stem for path in (RECORDINGS / "workflows").glob("*.json"))
INFO = object_info_with()
GRAPH = load_workflow("ade_gen1_vhs_tiny")
# The real server refuses it for reasons outside the graph.
NOT_OF_THE_GRAPH = {"prompt_error_bad_prompt_id", "prompt_error_uppercase_prompt_id", "prompt_error_foreign_origin"}
# An uploaded file that is missing, which only the server can see.
UPLOADS = {"prompt_error_loadimage_missing_file"}
REFUSED = [
    name
    for name in list_recordings("prompt_error_*", "prompt_vhs_frame_rate_zero")
    if isinstance((load_exchange(name)["request"].get("json") or {}).get("prompt"), dict)
    and name not in NOT_OF_THE_GRAPH | UPLOADS
]


@pytest.mark.parametrize("name", RECORDED)
def test_graphs_that_ran_are_valid(name: str) -> None:
    assert check_graph(load_workflow(name), INFO) == []


@pytest.mark.parametrize("name", REFUSED)
def test_graphs_that_the_real_server_refused_are_refused(name: str) -> None:
    exchange = load_exchange(name)
    assert exchange["status"] >= 400 or exchange["json"]["node_errors"]
    findings = fatal_findings(check_graph(exchange["request"]["json"]["prompt"], load_object_info()))
    assert findings
    named_there = set(exchange.get("json", {}).get("node_errors", {}))
    assert (
        not named_there or {finding.node for finding in findings} & named_there or name.startswith("prompt_error_link")
    )


@pytest.mark.parametrize(
    ("node", "inputs", "code", "message"),
    [
        ("1", {"ckpt_name": "gone.safetensors"}, GraphFindingCode.MISSING_MODEL, "Put it into models/checkpoints"),
        ("7", {"model_name": "gone.ckpt"}, GraphFindingCode.MISSING_MODEL, "Put it into models/animatediff_models"),
        ("8", {"sampler_name": "dpmpp_2n"}, GraphFindingCode.NOT_IN_LIST, "Did you mean 'dpmpp_2m'?"),
        ("8", {"steps": 0}, GraphFindingCode.OUT_OF_RANGE, "steps of KSampler is 0, outside 1 … 10000"),
        ("8", {"steps": "forty"}, GraphFindingCode.WRONG_TYPE, "takes a whole number"),
        ("8", {"cfg": "x"}, GraphFindingCode.WRONG_TYPE, "takes a number"),
        ("8", {"model": None}, GraphFindingCode.REQUIRED_INPUT, "The required input model of KSampler is not wired"),
        ("8", {"steps": None}, GraphFindingCode.REQUIRED_INPUT, "The required input steps of KSampler is not set"),
        ("8", {"model": ["2", 0]}, GraphFindingCode.WRONG_TYPE, "model of KSampler takes MODEL, but output 0"),
        ("8", {"model": ["99", 0]}, GraphFindingCode.BROKEN_LINK, "node 99, which does not exist"),
        ("8", {"model": ["7", 3]}, GraphFindingCode.BROKEN_LINK, "output 3 of ADE_AnimateDiffLoaderGen1, which has 1"),
        ("8", {"model": "a model"}, GraphFindingCode.WRONG_TYPE, "takes the output of a node (MODEL)"),
        ("3", {"text": {"a": 1}}, GraphFindingCode.WRONG_TYPE, "takes a text"),
        ("10", {"pix_fmt": "yuv999p"}, GraphFindingCode.NOT_IN_LIST, "Choose one of: yuv420p, yuv420p10le"),
        ("10", {"crf": 101}, GraphFindingCode.OUT_OF_RANGE, "crf of VHS_VideoCombine is 101, outside 0 … 100"),
        ("10", {"crf": "low"}, GraphFindingCode.WRONG_TYPE, "crf of VHS_VideoCombine takes a whole number"),
        ("10", {"format": "video/h266-mp4"}, GraphFindingCode.NOT_IN_LIST, "Did you mean"),
        ("6", {"context_length": 36}, GraphFindingCode.OUT_OF_RANGE, "at most 32 frames"),
    ],
)
def test_each_fault_is_named_with_its_correction(
    node: str, inputs: dict[str, Any], code: GraphFindingCode, message: str
) -> None:
    [finding] = fatal_findings(check_graph(with_inputs(GRAPH, node, **inputs), INFO))
    assert (finding.code, finding.node) == (code, node)
    assert message in str(finding)


@pytest.mark.parametrize(
    ("node", "inputs", "code"),
    [
        ("8", {"no_such_input": 1}, GraphFindingCode.UNKNOWN_INPUT),
        ("8", {"steps": "20"}, GraphFindingCode.WRONG_TYPE),
        ("3", {"text": 5}, GraphFindingCode.WRONG_TYPE),
        ("5", {"width": 100}, GraphFindingCode.OUT_OF_RANGE),
    ],
)
def test_faults_that_the_server_accepts_are_reported_as_not_fatal(
    node: str, inputs: dict[str, Any], code: GraphFindingCode
) -> None:
    [finding] = check_graph(with_inputs(GRAPH, node, **inputs), INFO)
    assert (finding.code, finding.fatal) == (code, False)


def test_a_model_in_another_folder_is_found() -> None:
    models = {"checkpoints": ["counterfeit_v3.safetensors"], "diffusion_models": ["anything_v5.safetensors"]}
    [finding] = check_graph(with_inputs(GRAPH, "1", ckpt_name="anything_v5.safetensors"), INFO, models)
    assert "models/diffusion_models: move it to models/checkpoints" in finding.mend


def test_a_model_in_a_subfolder_or_with_another_extension_is_suggested() -> None:
    info = object_info_with({"checkpoints": ["sd15/anything_v5.safetensors"]})
    [finding] = check_graph(with_inputs(GRAPH, "1", ckpt_name="anything_v5.ckpt"), info)
    assert "or use 'sd15/anything_v5.safetensors'" in finding.mend


def test_an_uploaded_picture_is_left_to_the_server() -> None:
    graph = {"1": {"class_type": "LoadImage", "inputs": {"image": "tower/new.png"}}}
    graph["2"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    assert check_graph(graph, INFO) == []


def test_inputs_added_by_a_choice_are_known() -> None:
    core = load_workflow("core_createvideo_savevideo_tiny")
    encoding = {"codec.encoding": "re-encode", "codec.encoding.crf": 12.0}
    assert check_graph(with_inputs(core, "12", **encoding), INFO) == []
    [too_high] = check_graph(with_inputs(core, "12", **{**encoding, "codec.encoding.crf": 99.0}), INFO)
    assert too_high.code is GraphFindingCode.OUT_OF_RANGE
    [unset] = check_graph(with_inputs(core, "12", **{"codec.encoding": "re-encode"}), INFO)
    assert unset.code is GraphFindingCode.REQUIRED_INPUT
    [unknown] = check_graph(with_inputs(core, "12", codec="auto", **{"codec.encoding": "auto"}), INFO)
    assert unknown.code is GraphFindingCode.UNKNOWN_INPUT


def test_a_cycle_is_named() -> None:
    scale = {"samples": ["8", 0], "upscale_method": "bilinear", "width": 64, "height": 64, "crop": "disabled"}
    graph = {**GRAPH, "5": {"class_type": "LatentUpscale", "inputs": scale}}
    [finding] = fatal_findings(check_graph(graph, INFO))
    assert finding.code is GraphFindingCode.CYCLE
    assert finding.message == "These nodes form a cycle: 5 (LatentUpscale), 8 (KSampler)"


def test_a_graph_without_an_output_node_is_refused() -> None:
    graph = {node: fields for node, fields in GRAPH.items() if node != "10"}
    assert [finding.code for finding in check_graph(graph, INFO)] == [GraphFindingCode.NO_OUTPUT]


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({"nodes": [], "links": [], "version": 0.4}, "Export (API)"),
        ({}, "empty"),
        ({"1": "text"}, "Node 1 has no class_type"),
        ({"1": {"inputs": {}}}, "Node 1 has no class_type"),
    ],
)
def test_a_document_that_is_no_graph_is_refused(graph: dict[str, Any], message: str) -> None:
    [finding] = check_graph(graph, INFO)
    assert finding.code is GraphFindingCode.NOT_A_GRAPH
    assert message in str(finding)


def test_fatal_findings_come_first() -> None:
    graph = with_inputs(with_inputs(GRAPH, "3", strange=1), "8", steps=0)
    assert [finding.fatal for finding in check_graph(graph, INFO)] == [True, False]


@pytest.mark.parametrize(
    ("node_class", "pack"),
    [
        ("IPAdapterUnifiedLoader", "ComfyUI_IPAdapter_plus"),
        ("RIFE VFI", "ComfyUI-Frame-Interpolation"),
        ("VHS_VideoCombine", "ComfyUI-VideoHelperSuite"),
        ("SomethingElse", None),
    ],
)
def test_node_packs_are_identified_by_their_classes(node_class: str, pack: str | None) -> None:
    assert find_pack(node_class) == pack


def test_a_finding_is_written_as_a_sentence() -> None:
    assert str(GraphFinding(GraphFindingCode.CYCLE, "It loops", "Cut it", node="3")) == "Node 3: It loops. Cut it"
