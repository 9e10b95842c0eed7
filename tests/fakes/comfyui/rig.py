"""The two local node classes that the recordings used for errors and waits. No real server has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.comfyui.errors import NodeError, WorkerDiedError

TICK_S = 0.5
OOM = (
    "CUDA out of memory. Tried to allocate 12.00 GiB. GPU 0 has a total capacity of 24.00 GiB of which 1.00 GiB is "
    "free.\nThis error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might have "
    "accidentally set the batch_size to a large number."
)
RAISES = {
    "runtime": ("RuntimeError", "rig: deliberate failure\n"),
    "memoryerror": ("MemoryError", "\n"),
    "oom": ("torch.OutOfMemoryError", OOM),
}


def _class(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    required = {"images": ["IMAGE"], **inputs, "salt": ["INT", {"default": 0}]}
    return {
        "input": {"required": required},
        "input_order": {"required": list(required)},
        "output": ["IMAGE"],
        "output_name": ["IMAGE"],
        "name": name,
        "display_name": name,
        "output_node": False,
    }


CLASSES: dict[str, Any] = {
    "RigSleep": _class("RigSleep", {"seconds": ["FLOAT", {"default": 1.0}], "interruptible": ["BOOLEAN", {}]}),
    "RigRaise": _class("RigRaise", {"kind": [[*RAISES, "sysexit"], {}]}),
}


def run_rig_node(
    class_type: str,
    inputs: dict[str, Any],
    tick_s: float,
    sleep: Callable[[float], None],
    tick: Callable[[int, int, None], None],
) -> None:
    """RigSleep ticks every half second, which takes `tick_s` here."""
    if class_type == "RigRaise":
        if inputs["kind"] == "sysexit":
            raise WorkerDiedError
        raise NodeError(*RAISES[inputs["kind"]])
    ticks = max(1, round(inputs["seconds"] / TICK_S))
    for value in range(1, ticks + 1):
        sleep(tick_s)
        if inputs["interruptible"]:
            tick(value, ticks, None)
