"""Reads the state of a prompt from the answers of /queue, /history and /api/jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tower.clients.comfyui.errors import NodeFailure, parse_failure

JOB_STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")  # of an answer of /api/jobs/{id}


class PromptStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"  # never sent, deleted from the queue, or forgotten after a restart of the server


@dataclass(frozen=True)
class OutputFile:
    """A file that a node reports as its output. `type` is "output", "temp" or "input"."""

    node: str
    filename: str
    subfolder: str
    type: str

    @property
    def suffix(self) -> str:
        return "." + self.filename.rpartition(".")[2].lower() if "." in self.filename else ""


@dataclass(frozen=True)
class PromptJob:
    """A prompt on the server. `prompts_ahead`: how many prompts run or wait before it, if it is queued."""

    status: PromptStatus
    prompts_ahead: int | None = None
    files: tuple[OutputFile, ...] = ()
    failure: NodeFailure | None = None

    @property
    def is_live(self) -> bool:
        return self.status in (PromptStatus.QUEUED, PromptStatus.RUNNING)


@dataclass(frozen=True)
class PromptQueue:
    """The ids of the running prompts, and of the waiting ones in the order in which they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]


def parse_queue(body: Mapping[str, Any]) -> PromptQueue:
    """Read an answer of /queue. The server lists waiting prompts in heap order, so they are sorted by number."""
    pending = sorted(body.get("queue_pending", ()), key=lambda item: item[0])
    return PromptQueue(tuple(item[1] for item in body.get("queue_running", ())), tuple(item[1] for item in pending))


def find_in_queue(queue: PromptQueue, prompt_id: str) -> PromptJob | None:
    if prompt_id in queue.running:
        return PromptJob(PromptStatus.RUNNING)
    if prompt_id in queue.pending:
        return PromptJob(PromptStatus.QUEUED, prompts_ahead=len(queue.running) + queue.pending.index(prompt_id))
    return None


def parse_history(entry: Mapping[str, Any]) -> PromptJob:
    """Read an entry of /history/{id}, which exists once the prompt has ended in any way."""
    return _ended(entry.get("status") or {}, entry.get("outputs") or {})


def parse_job(body: Mapping[str, Any]) -> PromptJob:
    """Read an answer of /api/jobs/{id}. It has no queue position; /queue has."""
    match body.get("status"):
        case "pending":
            return PromptJob(PromptStatus.QUEUED)
        case "in_progress":
            return PromptJob(PromptStatus.RUNNING)
        case _:
            return _ended(body.get("execution_status") or {}, body.get("outputs") or {})


def _ended(status: Mapping[str, Any], outputs: Mapping[str, Any]) -> PromptJob:
    messages: Sequence[Any] = status.get("messages") or ()
    for kind, data in reversed(messages):
        if kind == "execution_error":
            return PromptJob(PromptStatus.FAILED, failure=parse_failure(data))
        if kind == "execution_interrupted":
            return PromptJob(PromptStatus.INTERRUPTED)
    if status.get("status_str", "success") != "success":
        return PromptJob(
            PromptStatus.FAILED, failure=NodeFailure("?", "?", "", f"the server reports {status.get('status_str')}")
        )
    return PromptJob(PromptStatus.DONE, files=tuple(_files(outputs)))


def _files(outputs: Mapping[str, Any]) -> list[OutputFile]:
    """All output files. VideoHelperSuite lists them under `gifs`, SaveVideo and SaveImage under `images`."""
    return [
        OutputFile(node, item["filename"], item.get("subfolder") or "", item.get("type") or "output")
        for node, kinds in outputs.items()
        for items in kinds.values()
        if isinstance(items, list)
        for item in items
        if isinstance(item, Mapping) and item.get("filename")
    ]
