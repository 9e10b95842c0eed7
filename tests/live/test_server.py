"""What the server says of itself, and whether Tower's checks agree with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.live.conftest import URL
from tests.live.graphs import node
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, Fault
from tower.clients.comfyui.jobs import Where
from tower.errors import NotFoundError
from tower.workflows.builtins import builtins
from tower.workflows.checking import check, fatal
from tower.workflows.defaults import completed
from tower.workflows.findings import Finding, FindingCode
from tower.workflows.node_packs import pack_of
from tower.workflows.nodes import specs_of

SIZED = {"width": 64, "height": 64, "batch_size": 1, "color": 0}
NO_MODEL = {
    "1": node("VAEDecode", samples=["3", 0], vae=["4", 0]),
    "3": node("EmptyLatentImage", width=64, height=64, batch_size=1),
    "4": node("VAELoader", vae_name="no-such-file.safetensors"),
}
NOT_INSTALLED = (FindingCode.MISSING_NODE, FindingCode.MISSING_MODEL)


def test_the_server_says_what_it_is(tell: Callable[[str], None]) -> None:
    stats = httpx.get(f"{URL}/system_stats").raise_for_status().json()
    devices = ", ".join(f"{device['name']} ({device['vram_total'] / 2**30:.0f} GiB)" for device in stats["devices"])
    tell(f"version {stats['system']['comfyui_version']}, Python {stats['system']['python_version'][:7]}, {devices}")
    assert stats["devices"]


def test_every_input_of_every_node_class_is_understood(client: ComfyUIClient, tell: Callable[[str], None]) -> None:
    info = client.catalogue.object_info()
    specs = [(name, spec) for name in info for spec in specs_of(info, name, {}).values()]
    packs = ", ".join(sorted({pack for name in info if (pack := pack_of(name))})) or "none"
    tell(f"{len(info)} node classes with {len(specs)} inputs; node packs: {packs}")
    assert {"KSampler", "CheckpointLoaderSimple", "EmptyImage", "CreateVideo", "SaveVideo"} <= set(info)
    assert not [(name, spec.name) for name, spec in specs if not spec.kind.strip()]
    assert client.catalogue.of_classes(["KSampler", "NoSuchClass"]) == {"KSampler": info["KSampler"]}


def test_model_files_are_listed(client: ComfyUIClient, tell: Callable[[str], None]) -> None:
    for folder in ("checkpoints", "vae"):
        tell(f"models/{folder}: {', '.join(client.catalogue.models(folder)) or 'empty'}")
    with pytest.raises(NotFoundError):
        client.catalogue.models("no_such_folder")


@pytest.mark.parametrize("name", builtins())
def test_nothing_but_packs_and_models_keeps_a_built_in_graph_from_running(
    client: ComfyUIClient, tell: Callable[[str], None], name: str
) -> None:
    info = client.catalogue.object_info()
    graph = completed(builtins()[name].workflow.graph, info)
    findings = check(graph, info)
    lacks = dict.fromkeys(_missing(graph, finding) for finding in findings if finding.code in NOT_INSTALLED)
    tell(f"{name}: this server lacks {', '.join(lacks)}" if lacks else f"{name}: ready")
    for finding in findings:
        if finding.code not in NOT_INSTALLED:
            tell(f"{name}: {finding}")
    assert not [str(finding) for finding in fatal(findings) if finding.code not in NOT_INSTALLED]


@pytest.mark.parametrize(
    ("code", "fault", "wrong"),
    [
        (FindingCode.MISSING_NODE, Fault.MISSING_NODE, {"1": node("NoSuchClass", image=["1", 0])}),
        (FindingCode.REQUIRED_INPUT, Fault.REFUSED, {"1": node("EmptyImage", width=64, height=64, batch_size=1)}),
        (FindingCode.OUT_OF_RANGE, Fault.REFUSED, {"1": node("EmptyImage", **SIZED | {"width": 0})}),
        (FindingCode.WRONG_TYPE, Fault.REFUSED, {"1": node("EmptyImage", **SIZED | {"width": "a"})}),
        (FindingCode.BROKEN_LINK, Fault.REFUSED, {"1": node("EmptyImage", **SIZED | {"width": ["7", 0]})}),
        (FindingCode.MISSING_MODEL, Fault.MISSING_MODEL, NO_MODEL),
    ],
    ids=lambda value: value.value if isinstance(value, FindingCode) else "",
)
def test_what_the_check_finds_the_server_refuses(
    client: ComfyUIClient, code: FindingCode, fault: Fault, wrong: dict[str, Any]
) -> None:
    graph = wrong | {"2": node("SaveImage", images=["1", 0], filename_prefix="tower/live")}
    assert code in {finding.code for finding in check(graph, client.catalogue.object_info())}
    prompt_id = str(uuid4())
    with pytest.raises(ComfyUIError) as refused:
        client.submit(graph, prompt_id, "tower-live")
    assert refused.value.fault is fault
    assert client.job(prompt_id).where is Where.UNKNOWN


def _missing(graph: dict[str, Any], finding: Finding) -> str:
    """The node pack, where Tower knows it, or the node class, or the model file."""
    node_class = str(finding.node_class)
    if finding.code is FindingCode.MISSING_NODE:
        return pack_of(node_class) or node_class
    return str(graph[str(finding.node)]["inputs"][finding.input])
