"""Graphs of core nodes that need no model file, and build_core_video with the models of the server."""

from __future__ import annotations

from typing import Any

from tower.clients.comfyui.client import ComfyUIClient
from tower.workflows.builtins import builtin_workflows
from tower.workflows.graph import WorkflowGraph

TEAL_RGB = (0x20, 0x90, 0xA0)
MANY_NODES = 40  # the server handles an interrupt between two nodes, so some must remain


def build_plain_colour() -> dict[str, Any]:
    """A graph that saves a video of one colour."""
    red, green, blue = TEAL_RGB
    colour = (red << 16) + (green << 8) + blue
    return {
        "1": node("EmptyImage", width=512, height=512, batch_size=16, color=colour),
        "2": node("CreateVideo", images=["1", 0], fps=24.0),
        "3": node("SaveVideo", video=["2", 0], filename_prefix="tower/live", format="mp4", codec="h264"),
    }


def build_long_chain() -> dict[str, Any]:
    """The same video, scaled up and down dozens of times before it is saved."""
    graph = build_plain_colour()
    last = "1"
    for number in range(MANY_NODES):
        size = 640 if number % 2 else 600
        scaled = {"upscale_method": "lanczos", "width": size, "height": size, "crop": "disabled"}
        graph[f"scale-{number}"] = node("ImageScale", image=[last, 0], **scaled)
        last = f"scale-{number}"
    graph["2"] = node("CreateVideo", images=[last, 0], fps=24.0)
    return graph


def build_picture_loader() -> dict[str, Any]:
    """A graph that crops and saves an uploaded picture."""
    return {
        "1": node("LoadImage", image="example.png"),
        "2": node("ImageCrop", image=["1", 0], width=512, height=512, x=0, y=0),
        "3": node("SaveImage", images=["2", 0], filename_prefix="tower/live"),
    }


def build_core_video(client: ComfyUIClient) -> tuple[WorkflowGraph, str] | None:
    """The built-in with a VAE of the server's, or else the checkpoint's own, and the checkpoint to ask for.

    The documented files where it has them, else its first. None if it has no checkpoint.
    """
    built_in = builtin_workflows()["core_video"]
    checkpoint = _one_of(client.catalogue.list_models("checkpoints"), built_in.needs["checkpoints"])
    if checkpoint is None:
        return None
    vae = _one_of(client.catalogue.list_models("vae"), built_in.needs["vae"])
    workflow = built_in.workflow
    graph = {name: {**node_graph, "inputs": dict(node_graph["inputs"])} for name, node_graph in workflow.graph.items()}
    if vae is None:
        del graph["2"]
        graph["9"]["inputs"]["vae"] = ["1", 2]
    else:
        graph["2"]["inputs"]["vae_name"] = vae
    return WorkflowGraph(workflow.name, workflow.version, graph, workflow.bindings), checkpoint


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def _one_of(installed: list[str], preferred: list[str]) -> str | None:
    return next(iter([name for name in preferred if name in installed] or installed), None)
