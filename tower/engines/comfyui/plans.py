"""Plans the run of a shot on a server: uploads its reference picture, and checks the graph against the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tower.clients.comfyui.client import ComfyUIClient
from tower.engines.base import Shot
from tower.engines.comfyui.graph_choice import choose_graph
from tower.engines.comfyui.progress import RenderReporter
from tower.engines.comfyui.run_plans import SERVER_FOLDER, RunPlan, find_obstacle
from tower.media.files import sha256_of
from tower.workflows.bindings import get_bound_value
from tower.workflows.checking import node_classes
from tower.workflows.graph import WorkflowGraph
from tower.workflows.nodes import ObjectInfo

MIN_WINDOW = 8  # frames; motion modules produce no motion with fewer


def plan_run(client: ComfyUIClient, shot: Shot, reporter: RenderReporter, *, still: bool = False) -> RunPlan:
    """Plan the run of a shot. Raises ComfyUIError, with a remedy, if this server cannot run it or it saves no clip."""
    chosen = choose_graph(shot)
    if chosen.remark:
        reporter.remark(chosen.remark)
    workflow = chosen.workflow
    reference = _upload_reference(client, chosen.picture, reporter) if chosen.picture else None
    plan = RunPlan(workflow, shot, _node_info(client, workflow, reporter), reference)
    if find_obstacle(plan, client.url, still=still):  # the catalogue may be outdated: ask the server again
        client.catalogue.clear_cache()
        plan = replace(plan, info=_node_info(client, workflow, reporter))
        if obstacle := find_obstacle(plan, client.url, still=still):
            raise obstacle
    return plan


def with_smaller_window(plan: RunPlan) -> tuple[RunPlan, str]:
    """The plan with a smaller window of frames, if its graph has one, and a description of the change."""
    graph = plan.build_graph(SERVER_FOLDER)
    length, overlap = (get_bound_value(plan.workflow, f"context_{name}", graph) for name in ("length", "overlap"))
    if not isinstance(length, int) or length <= MIN_WINDOW:
        return plan, "unchanged"
    smaller_length = max(MIN_WINDOW, length * 2 // 3)
    window = (smaller_length, min(overlap if isinstance(overlap, int) else 0, smaller_length // 4))
    return replace(plan, window=window), f"with a window of {smaller_length} frames instead of {length}"


def _upload_reference(client: ComfyUIClient, picture: Path, teller: RenderReporter) -> str:
    """Upload a picture under a name made of its hash, so that equal pictures get the same name."""
    name = f"{sha256_of(picture)[:32]}{picture.suffix.lower()}"
    return teller.retry(lambda: client.upload(picture, name=name, subfolder=SERVER_FOLDER)).input_value


def _node_info(client: ComfyUIClient, workflow: WorkflowGraph, teller: RenderReporter) -> ObjectInfo:
    return teller.retry(lambda: client.catalogue.get_class_info(node_classes(workflow.graph)))
