"""Reads the name and memory of the GPU that a ComfyUI uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.http import ComfyUIHttp

_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Gpu:
    """A graphics card and its memory in bytes."""

    name: str
    vram_total_bytes: int
    vram_free_bytes: int


def fetch_gpu(comfyui_url: str) -> Gpu | None:
    """The GPU of this ComfyUI, or None if it renders on the CPU. Raises ComfyUIError if it cannot be read."""
    http = ComfyUIHttp(comfyui_url, timeout_s=_TIMEOUT_S)
    try:
        devices = http.json("GET", "/system_stats")["devices"]
        return next((_parse_device(device) for device in devices if device["type"] != "cpu"), None)
    except (ValueError, KeyError, TypeError) as error:
        raise ComfyUIError(ComfyUIFault.BROKEN, f"The server at {http.url} is not a ComfyUI") from error
    finally:
        http.close()


def _parse_device(device: Mapping[str, Any]) -> Gpu:
    total = int(device["vram_total"])
    return Gpu(_without_pytorch_details(str(device["name"])), total, min(total, int(device["vram_free"])))


def _without_pytorch_details(name: str) -> str:
    """`cuda:0 NVIDIA GeForce RTX 3060 : cudaMallocAsync` without what PyTorch adds to it."""
    return re.sub(r"^\w+:\d+ | : \w+$", "", name)
