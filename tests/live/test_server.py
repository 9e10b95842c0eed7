"""The server's own description, and its agreement with Tower's checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.live.conftest import URL
from tests.live.graphs import node
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptStatus
from tower.errors import NotFoundError
from tower.workflows.builtins import builtin_workflows
from tower.workflows.checking import check_graph, fatal_findings
from tower.workflows.defaults import fill_defaults
from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.node_packs import find_pack
from tower.workflows.nodes import specs_of

SIZED = {"width": 64, "height": 64, "batch_size": 1, "color": 0}
NO_MODEL = {
    "1": node("VAEDecode", samples=["3", 0], vae=["4", 0]),
    "3": node("EmptyLatentImage", width=64, height=64, batch_size=1),
    "4": node("VAELoader", vae_name="no-such-file.safetensors"),
}
NOT_INSTALLED = (GraphFindingCode.MISSING_NODE, GraphFindingCode.MISSING_MODEL)


def test_the_server_describes_itself(add_to_summary: Callable[[str], None]) -> None:
    stats = httpx.get(f"{URL}/system_stats").raise_for_status().json()
    devices = ", ".join(f"{device['name']} ({device['vram_total'] / 2**30:.0f} GiB)" for device in stats["devices"])
    add_to_summary(
        f"version {stats['system']['comfyui_version']}, Python {stats['system']['python_version'][:7]}, {devices}"
    )
    assert stats["devices"]


def test_every_input_of_every_node_class_is_understood(
    client: ComfyUIClient, add_to_summary: Callable[[str], None]
) -> None:
    info = client.catalogue.get_object_info()
    specs = [(name, spec) for name in info for spec in specs_of(info, name, {}).values()]
    packs = ", ".join(sorted({pack for name in info if (pack := find_pack(name))})) or "none"
    add_to_summary(f"{len(info)} node classes with {len(specs)} inputs; node packs: {packs}")
    assert {"KSampler", "CheckpointLoaderSimple", "EmptyImage", "CreateVideo", "SaveVideo"} <= set(info)
    assert not [(name, spec.name) for name, spec in specs if not spec.kind.strip()]
    assert client.catalogue.get_class_info(["KSampler", "NoSuchClass"]) == {"KSampler": info["KSampler"]}


def test_model_files_are_listed(client: ComfyUIClient, add_to_summary: Callable[[str], None]) -> None:
    for folder in ("checkpoints", "vae"):
        add_to_summary(f"models/{folder}: {', '.join(client.catalogue.list_models(folder)) or 'empty'}")
    with pytest.raises(NotFoundError):
        client.catalogue.list_models("no_such_folder")


@pytest.mark.parametrize("name", builtin_workflows())
def test_only_missing_packs_and_models_prevent_a_built_in_graph(
    client: ComfyUIClient, add_to_summary: Callable[[str], None], name: str
) -> None:
    info = client.catalogue.get_object_info()
    graph = fill_defaults(builtin_workflows()[name].workflow.graph, info)
    findings = check_graph(graph, info)
    lacks = dict.fromkeys(_missing(graph, finding) for finding in findings if finding.code in NOT_INSTALLED)
    add_to_summary(f"{name}: this server lacks {', '.join(lacks)}" if lacks else f"{name}: ready")
    for finding in findings:
        if finding.code not in NOT_INSTALLED:
            add_to_summary(f"{name}: {finding}")
    assert not [str(finding) for finding in fatal_findings(findings) if finding.code not in NOT_INSTALLED]


@pytest.mark.parametrize(
    ("code", "fault", "wrong"),
    [
        (GraphFindingCode.MISSING_NODE, ComfyUIFault.MISSING_NODE, {"1": node("NoSuchClass", image=["1", 0])}),
        (
            GraphFindingCode.REQUIRED_INPUT,
            ComfyUIFault.REFUSED,
            {"1": node("EmptyImage", width=64, height=64, batch_size=1)},
        ),
        (GraphFindingCode.OUT_OF_RANGE, ComfyUIFault.REFUSED, {"1": node("EmptyImage", **SIZED | {"width": 0})}),
        (GraphFindingCode.WRONG_TYPE, ComfyUIFault.REFUSED, {"1": node("EmptyImage", **SIZED | {"width": "a"})}),
        (GraphFindingCode.BROKEN_LINK, ComfyUIFault.REFUSED, {"1": node("EmptyImage", **SIZED | {"width": ["7", 0]})}),
        (GraphFindingCode.MISSING_MODEL, ComfyUIFault.MISSING_MODEL, NO_MODEL),
    ],
    ids=lambda value: value.value if isinstance(value, GraphFindingCode) else "",
)
def test_the_server_refuses_graphs_with_findings(
    client: ComfyUIClient, code: GraphFindingCode, fault: ComfyUIFault, wrong: dict[str, Any]
) -> None:
    graph = wrong | {"2": node("SaveImage", images=["1", 0], filename_prefix="tower/live")}
    assert code in {finding.code for finding in check_graph(graph, client.catalogue.get_object_info())}
    prompt_id = str(uuid4())
    with pytest.raises(ComfyUIError) as refused:
        client.submit(graph, prompt_id, "tower-live")
    assert refused.value.fault is fault
    assert client.get_job(prompt_id).status is PromptStatus.UNKNOWN


def _missing(graph: dict[str, Any], finding: GraphFinding) -> str:
    """The node pack if Tower knows it, or else the node class or the model file."""
    node_class = str(finding.node_class)
    if finding.code is GraphFindingCode.MISSING_NODE:
        return find_pack(node_class) or node_class
    return str(graph[str(finding.node)]["inputs"][finding.input])
