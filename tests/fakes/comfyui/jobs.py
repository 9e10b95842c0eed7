"""The prompts in the form of /api/jobs (0.5.1 and newer)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.comfyui.queue import PromptQueue, QueuedPrompt

STATES = ("pending", "in_progress", "completed", "failed", "cancelled")
PREVIEWABLE = {"images", "video", "audio", "3d", "text"}
ENDS = ("execution_success", "execution_error", "execution_interrupted")
Job = dict[str, Any]


def find_job(queue: PromptQueue, prompt_id: str) -> Job | None:
    if entry := queue.entry(prompt_id):
        return _ended(entry[prompt_id], whole=True)
    waiting = [(item, "in_progress") for item in queue.running()] + [(item, "pending") for item in queue.pending()]
    return next((_waiting(item, state) for item, state in waiting if item.prompt_id == prompt_id), None)


def list_jobs(queue: PromptQueue, states: list[str]) -> list[Job]:
    """Newest first."""
    jobs = [_waiting(item, "in_progress") for item in queue.running()]
    jobs += [_waiting(item, "pending") for item in queue.pending()]
    jobs += [_ended(entry, whole=False) for entry in queue.entries().values()]
    matching = [job for job in jobs if job["status"] in states]
    return sorted(matching, key=lambda job: job.get("create_time", 0), reverse=True)


def _waiting(item: QueuedPrompt, state: str) -> Job:
    job = {"id": item.prompt_id, "status": state, "priority": item.number, **_made(item.extra_data)}
    return {**job, "outputs_count": 0, "previewable_outputs_count": 0, **_workflow(item.extra_data)}


def _ended(entry: dict[str, Any], *, whole: bool) -> Job:
    number, prompt_id, graph, extra_data, _ = entry["prompt"]
    messages = dict(entry["status"]["messages"])
    files = list(_files(entry["outputs"]))
    previewable = [
        f for f in files if f["mediaType"] in PREVIEWABLE or f.get("format", "").startswith(("video/", "audio/"))
    ]
    job = {"id": prompt_id, "status": _state(messages), "priority": number, **_made(extra_data), **_times(messages)}
    if "execution_error" in messages:
        job["execution_error"] = messages["execution_error"]
    job |= {"outputs_count": len(files), "previewable_outputs_count": len(previewable)}
    if previewable:
        job["preview_output"] = next((f for f in previewable if f.get("type") == "output"), previewable[0])
    job |= _workflow(extra_data)
    if whole:
        job |= {"outputs": entry["outputs"], "execution_status": entry["status"]}
        job["workflow"] = {"prompt": graph, "extra_data": extra_data}
    return job


def _files(outputs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for node, node_output in outputs.items():
        for kind, files in node_output.items():
            if kind != "animated":
                yield from ({**file, "nodeId": node, "mediaType": kind} for file in files)


def _state(messages: dict[str, Any]) -> str:
    if "execution_success" in messages:
        return "completed"
    return "cancelled" if "execution_interrupted" in messages else "failed"


def _times(messages: dict[str, Any]) -> Job:
    ended_ms = next(messages[name]["timestamp"] for name in ENDS if name in messages)
    return {"execution_start_time": messages["execution_start"]["timestamp"], "execution_end_time": ended_ms}


def _made(extra_data: dict[str, Any]) -> Job:
    return {"create_time": extra_data["create_time"]} if "create_time" in extra_data else {}


def _workflow(extra_data: dict[str, Any]) -> Job:
    workflow = (extra_data.get("extra_pnginfo") or {}).get("workflow") or {}
    return {"workflow_id": workflow["id"]} if "id" in workflow else {}
