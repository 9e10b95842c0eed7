"""Reads the name and memory of the GPU that a ComfyUI uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tower.errors import UnavailableError

_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Gpu:
    """A graphics card and its memory in bytes."""

    name: str
    vram_total_bytes: int
    vram_free_bytes: int


def fetch_gpu(comfyui_url: str) -> Gpu | None:
    """The GPU of this ComfyUI, or None if it renders on the CPU. Raises UnavailableError if it cannot be read."""
    try:
        answer = httpx.get(f"{comfyui_url.rstrip('/')}/system_stats", timeout=_TIMEOUT_S).raise_for_status()
        devices = answer.json()["devices"]
        return next((_parse_device(device) for device in devices if device["type"] != "cpu"), None)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnavailableError(f"ComfyUI at {comfyui_url} does not answer: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnavailableError(f"The server at {comfyui_url} is not a ComfyUI: {error!r}") from error


def _parse_device(device: Mapping[str, Any]) -> Gpu:
    total = int(device["vram_total"])
    return Gpu(_without_pytorch_details(str(device["name"])), total, min(total, int(device["vram_free"])))


def _without_pytorch_details(name: str) -> str:
    """`cuda:0 NVIDIA GeForce RTX 3060 : cudaMallocAsync` without what PyTorch adds to it."""
    return re.sub(r"^\w+:\d+ | : \w+$", "", name)
