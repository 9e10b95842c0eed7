"""The state that all parts of one fake share, across restarts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.fakes.comfyui.files import Folders
from tests.fakes.comfyui.graph import UPLOADS
from tests.fakes.comfyui.misbehaviour import Troubles
from tests.fakes.comfyui.nodes import Pace

RECORDINGS = Path(__file__).parents[2] / "recordings" / "comfyui"
VERSION = "0.33.0"


@dataclass(frozen=True)
class Submitted:
    """A prompt that POST /prompt accepted, with values converted to the types of their inputs."""

    prompt_id: str
    number: float
    graph: dict[str, Any]
    client_id: str | None
    extra_data: dict[str, Any]


@dataclass(frozen=True)
class Gpu:
    name: str
    vram_bytes: int


@dataclass
class Setup:
    folders: Folders
    pace: Pace
    version: str
    gpu: Gpu | None
    max_upload_bytes: int
    models: dict[str, list[str]]
    object_info: dict[str, Any]
    restart: Callable[[float], None]
    troubles: Troubles = field(default_factory=Troubles)
    prompts: list[Submitted] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    frees: list[dict[str, Any]] = field(default_factory=list)

    def since(self, version: str) -> bool:
        """Whether the server is that version or newer."""
        return _ordered(self.version) >= _ordered(version)

    def info(self) -> dict[str, Any]:
        """The current object_info: uploaded files are choices of their loaders."""
        shown = dict(self.object_info)
        for class_type, name in UPLOADS:
            if class_type in shown:
                shown[class_type] = copy.deepcopy(shown[class_type])
                bounds = shown[class_type]["input"]["required"][name]
                if isinstance(bounds[0], list):
                    bounds[0] = self.folders.listed()
                else:
                    bounds[1]["options"] = self.folders.listed()
        return shown


def recorded(name: str) -> Any:
    """A new copy of the JSON body of a recorded exchange."""
    return json.loads(_text(RECORDINGS / "http" / f"{name}.json"))["json"]


def recorded_object_info() -> dict[str, Any]:
    classes: dict[str, Any] = json.loads(_text(RECORDINGS / "object_info.json"))
    return classes


def with_models(object_info: dict[str, Any], models: dict[str, list[str]]) -> None:
    """Add model files to the choices of their loaders, in place."""
    for class_type, info in object_info.items():
        for section in ("required", "optional"):
            for name, bounds in info["input"].get(section, {}).items():
                choices = bounds[0] if isinstance(bounds[0], list) else None
                if choices is None and bounds[0] == "COMBO":
                    choices = bounds[1].get("options")
                if choices is not None:
                    choices += models.get(_folder(class_type, name), [])


def _folder(class_type: str, name: str) -> str:
    """The folder of the model files that an input chooses from."""
    if name == "model_name" and class_type.startswith("ADE_"):
        return "animatediff_models"
    if name == "model_name" and class_type == "UpscaleModelLoader":
        return "upscale_models"
    folders = {"ckpt_name": "checkpoints", "vae_name": "vae", "control_net_name": "controlnet"}
    if name == "lora_name":
        return "animatediff_motion_lora" if class_type.startswith("ADE_") else "loras"
    return folders.get(name, "")


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@lru_cache
def _text(path: Path) -> str:
    return path.read_text()
