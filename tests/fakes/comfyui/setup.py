"""The state that all parts of one fake share, across restarts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.fakes.comfyui.files import ServerFolders
from tests.fakes.comfyui.graph import UPLOADS
from tests.fakes.comfyui.misbehaviour import ActiveMisbehaviours
from tests.fakes.comfyui.nodes import RenderPace

RECORDINGS = Path(__file__).parents[2] / "recordings" / "comfyui"
VERSION = "0.33.0"


@dataclass(frozen=True)
class SubmittedPrompt:
    """A prompt that POST /prompt accepted, with values converted to the types of their inputs."""

    prompt_id: str
    number: float
    graph: dict[str, Any]
    client_id: str | None
    extra_data: dict[str, Any]


@dataclass(frozen=True)
class FakeGpu:
    name: str
    vram_bytes: int


@dataclass
class FakeSetup:
    folders: ServerFolders
    pace: RenderPace
    version: str
    gpu: FakeGpu | None
    max_upload_bytes: int
    models: dict[str, list[str]]
    object_info: dict[str, Any]
    restart: Callable[[float], None]
    misbehaviours: ActiveMisbehaviours = field(default_factory=ActiveMisbehaviours)
    prompts: list[SubmittedPrompt] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    frees: list[dict[str, Any]] = field(default_factory=list)

    def is_at_least(self, version: str) -> bool:
        """Whether the server is that version or newer."""
        return _ordered(self.version) >= _ordered(version)

    def current_object_info(self) -> dict[str, Any]:
        """The current object_info: uploaded files are choices of their loaders."""
        current = dict(self.object_info)
        for class_type, name in UPLOADS:
            if class_type in current:
                current[class_type] = copy.deepcopy(current[class_type])
                bounds = current[class_type]["input"]["required"][name]
                if isinstance(bounds[0], list):
                    bounds[0] = self.folders.list_inputs()
                else:
                    bounds[1]["options"] = self.folders.list_inputs()
        return current


def load_recorded(name: str) -> Any:
    """A new copy of the JSON body of a recorded exchange."""
    return json.loads(_text(RECORDINGS / "http" / f"{name}.json"))["json"]


def load_object_info() -> dict[str, Any]:
    classes: dict[str, Any] = json.loads(_text(RECORDINGS / "object_info.json"))
    return classes


def add_models(object_info: dict[str, Any], models: dict[str, list[str]]) -> None:
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
