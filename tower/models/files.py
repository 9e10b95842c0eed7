"""Finds the model files in a folder, and the kind of each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db.models.learning import ModelKind

SUFFIXES = frozenset({".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx", ".pkl"})
KIND_BY_FOLDER = {
    "checkpoints": ModelKind.CHECKPOINT,
    "diffusion_models": ModelKind.DIFFUSION,
    "unet": ModelKind.DIFFUSION,
    "vae": ModelKind.VAE,
    "animatediff_models": ModelKind.MOTION,
    "loras": ModelKind.LORA,
    "animatediff_motion_lora": ModelKind.LORA,
    "controlnet": ModelKind.CONTROLNET,
    "ipadapter": ModelKind.IP_ADAPTER,
    "clip_vision": ModelKind.CLIP_VISION,
    "text_encoders": ModelKind.TEXT_ENCODER,
    "clip": ModelKind.TEXT_ENCODER,
    "embeddings": ModelKind.EMBEDDING,
    "upscale_models": ModelKind.UPSCALER,
    "latent_upscale_models": ModelKind.UPSCALER,
    "frame_interpolation": ModelKind.INTERPOLATOR,
}  # by ComfyUI's folder


@dataclass(frozen=True)
class ModelFile:
    """A model file. `name` is its path below the folder, as in graphs. Values that ComfyUI does not report are None."""

    kind: ModelKind
    name: str
    bytes: int | None = None
    path: Path | None = None
    changed_at: datetime | None = None


def kind_of(folder: str) -> ModelKind:
    return KIND_BY_FOLDER.get(folder, ModelKind.OTHER)


def is_model(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def scan_folder(root: Path) -> list[ModelFile]:
    """The model files below `root`, whose top folders are named as in ComfyUI. Empty files are left out.

    Raises OSError if `root` cannot be read.
    """
    next(root.iterdir(), None)  # raises if `root` is missing, which os.walk ignores
    return sorted(_files(root), key=lambda file: (file.kind, file.name))


def _files(root: Path) -> Iterator[ModelFile]:
    seen: set[Path] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = Path(folder).resolve()
        if real in seen:  # a link to a folder that was visited
            subfolders.clear()
            continue
        seen.add(real)
        for name in filter(is_model, names):
            file = _file(root, Path(folder) / name)
            if file is not None:
                yield file


def _file(root: Path, path: Path) -> ModelFile | None:
    try:
        status = path.stat()
    except OSError:  # a broken link
        return None
    if not status.st_size:
        return None
    folder, *rest = path.relative_to(root).parts
    changed_at = datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)
    name = "/".join(rest) if rest else folder
    return ModelFile(kind_of(folder) if rest else ModelKind.OTHER, name, status.st_size, path, changed_at)
