"""The errors of ComfyUI, which separate faults of this worker from faults of the shot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import reason_line


class ComfyUIFault(StrEnum):
    """The codes of a ComfyUIError."""

    UNREACHABLE = "COMFYUI_UNREACHABLE"
    BROKEN = "COMFYUI_BROKEN"
    LOCKED = "COMFYUI_LOCKED"
    SICK = "COMFYUI_SICK"
    OOM = "COMFYUI_OOM"
    MISSING_MODEL = "COMFYUI_MISSING_MODEL"
    BAD_MODEL = "COMFYUI_BAD_MODEL"
    MISSING_NODE = "COMFYUI_MISSING_NODE"
    STALLED = "COMFYUI_STALLED"
    LOST = "COMFYUI_LOST"
    NO_FILE = "COMFYUI_NO_FILE"
    BAD_FILE = "COMFYUI_BAD_FILE"
    INTERRUPTED = "COMFYUI_INTERRUPTED"
    STOPPED_BEFORE = "COMFYUI_STOPPED_BEFORE"
    REFUSED = "COMFYUI_REFUSED"
    FAILED = "COMFYUI_FAILED"
    NO_WORKFLOW = "COMFYUI_NO_WORKFLOW"
    NO_REFERENCE = "COMFYUI_NO_REFERENCE"
    WRONG_FRAMES = "COMFYUI_WRONG_FRAMES"
    NOT_AS_ASKED = "NOT_AS_ASKED"


BUSY_STATUSES = frozenset({429, 502, 503, 504})
SERVER_FAULTS = frozenset({ComfyUIFault.UNREACHABLE, ComfyUIFault.BROKEN, ComfyUIFault.LOCKED, ComfyUIFault.SICK})
SUSPECTED_FAULTS = frozenset(  # of the server or of the shot: failures of several shots tell
    {
        ComfyUIFault.OOM,
        ComfyUIFault.MISSING_MODEL,
        ComfyUIFault.BAD_MODEL,
        ComfyUIFault.MISSING_NODE,
        ComfyUIFault.STALLED,
        ComfyUIFault.LOST,
        ComfyUIFault.NO_FILE,
        ComfyUIFault.BAD_FILE,
        ComfyUIFault.INTERRUPTED,
        ComfyUIFault.STOPPED_BEFORE,
        ComfyUIFault.FAILED,
    }
)
_SICKNESS = re.compile(
    r"no space left on device|disk quota exceeded|read-only file system|\[errno (?:5|28|30|122)\]|input/output error|"
    r"(?:cuda|hip) error: |cublas_status_|cudnn_status_|device-side assert|device (?:was )?lost",
    re.IGNORECASE,
)  # a full disk, and device errors after which every later prompt fails too


class ComfyUIError(RenderError):
    """ComfyUI failed. `fault` is the cause."""

    def __init__(self, fault: ComfyUIFault, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message, details=details, code=ErrorCode[fault.value])
        self.fault = fault

    @property
    def is_temporary(self) -> bool:
        """Whether the server only failed to answer properly, so that another try may help."""
        return self.fault in (ComfyUIFault.UNREACHABLE, ComfyUIFault.BROKEN, ComfyUIFault.LOCKED)

    @property
    def is_busy(self) -> bool:
        """Whether a server or its proxy asks for patience."""
        return self.is_temporary and (self.details or {}).get("status") in BUSY_STATUSES


@dataclass(frozen=True)
class NodeFailure:
    """The report of a node that raised an exception."""

    node: str
    node_class: str
    exception_type: str
    message: str

    @property
    def fault(self) -> ComfyUIFault:
        kind, message = self.exception_type.rpartition(".")[2], self.message.lower()
        if kind in ("OutOfMemoryError", "MemoryError") or "out of memory" in message:
            return ComfyUIFault.OOM
        if _SICKNESS.search(self.message):
            return ComfyUIFault.SICK
        if kind == "SafetensorError" or "not a valid sd1.5 nor sdxl motion module" in message:
            return ComfyUIFault.BAD_MODEL
        return ComfyUIFault.FAILED

    def to_error(self) -> ComfyUIError:
        reason = reason_line(self.message) or self.exception_type
        problem = {
            ComfyUIFault.OOM: "ComfyUI ran out of memory",
            ComfyUIFault.SICK: "ComfyUI's disk or graphics device fails",
            ComfyUIFault.BAD_MODEL: "ComfyUI cannot read a model file, which may be truncated or of another kind",
        }.get(self.fault, "ComfyUI failed")
        remedy = {
            ComfyUIFault.OOM: "; use a smaller size or fewer frames",
            ComfyUIFault.BAD_MODEL: "; download the file again",
            ComfyUIFault.SICK: "; free its disk, or restart it",
        }.get(self.fault, "")
        where = f"at node {self.node} ({self.node_class})"
        details = {"node": self.node, "report": self.message}
        return ComfyUIError(self.fault, f"{problem} {where}: {reason}{remedy}", details=details)


def parse_failure(data: Mapping[str, Any]) -> NodeFailure:
    """The failure in the data of an execution_error message."""
    return NodeFailure(
        str(data.get("node_id", "?")),
        str(data.get("node_type", "?")),
        str(data.get("exception_type", "")),
        str(data.get("exception_message", "")),
    )


def parse_refusal(body: Any, status: int) -> ComfyUIError:
    """The error of a POST /prompt that queued nothing or not all: the first fault, and the number of others."""
    error, node_errors = _parts(body)
    faults = [
        (node, str(report.get("class_type")), fault)
        for node, report in node_errors.items()
        for fault in report.get("errors", ())
    ]
    if not faults:
        fault = ComfyUIFault.MISSING_NODE if _is_missing_class(error) else ComfyUIFault.REFUSED
        reason = reason_line(f"{error.get('message', f'answer {status}')} {error.get('details', '')}")
        return ComfyUIError(fault, f"ComfyUI refused the graph: {reason}", details={"status": status})
    node, node_class, first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    reason = reason_line(f"{first.get('message')}: {first.get('details')}")
    missing = all(_is_missing_model(fault) for _, _, fault in faults)
    return ComfyUIError(
        ComfyUIFault.MISSING_MODEL if missing else ComfyUIFault.REFUSED,
        f"ComfyUI refused node {node} ({node_class}): {reason}{more}",
        details={"node": node},
    )


def _parts(body: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The `error` and the `node_errors`. Older servers send `error` as text, and a list for no node errors."""
    body = body if isinstance(body, Mapping) else {}
    error, nodes = body.get("error"), body.get("node_errors")
    return (
        error if isinstance(error, Mapping) else {"message": str(error)} if error else {},
        nodes if isinstance(nodes, Mapping) else {},
    )


def _is_missing_class(error: Mapping[str, Any]) -> bool:
    """Whether a node class is missing. Before 0.11.1 the type was `invalid_prompt` with one of these texts."""
    kind, message = error.get("type"), str(error.get("message"))
    return kind == "missing_node_type" or (
        kind == "invalid_prompt" and ("does not exist" in message or "not found" in message)
    )


def _is_missing_model(error: Mapping[str, Any]) -> bool:
    name = str((error.get("extra_info") or {}).get("input_name", ""))
    return error.get("type") == "value_not_in_list" and name.endswith("_name") and name != "sampler_name"
