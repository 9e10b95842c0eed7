"""The GPU behind a ComfyUI, asked in a second or two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tower.errors import UnavailableError

_ASK_S = 2.0


@dataclass(frozen=True)
class Gpu:
    """A graphics card: its name, and its memory in bytes."""

    name: str
    vram_total_bytes: int
    vram_free_bytes: int


def gpu_of(comfyui_url: str) -> Gpu | None:
    """The card that this ComfyUI renders on; None if it renders on the CPU. UnavailableError if it does not say."""
    try:
        answer = httpx.get(f"{comfyui_url.rstrip('/')}/system_stats", timeout=_ASK_S).raise_for_status()
        devices = answer.json()["devices"]
        return next((_read(device) for device in devices if device["type"] != "cpu"), None)
    except (httpx.HTTPError, httpx.InvalidURL) as silent:
        raise UnavailableError(f"ComfyUI at {comfyui_url} does not answer: {silent}") from silent
    except (ValueError, KeyError, TypeError) as odd:
        raise UnavailableError(f"What answers at {comfyui_url} is no ComfyUI: {odd!r}") from odd


def _read(device: Mapping[str, Any]) -> Gpu:
    total = int(device["vram_total"])
    return Gpu(_plain(str(device["name"])), total, min(total, int(device["vram_free"])))


def _plain(name: str) -> str:
    """`cuda:0 NVIDIA GeForce RTX 3060 : cudaMallocAsync` without what PyTorch adds to it."""
    return re.sub(r"^\w+:\d+ | : \w+$", "", name)
