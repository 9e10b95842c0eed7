"""Computes the outputs of node classes. A class without a rule here passes its inputs on, by type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.comfyui import rig
from tests.fakes.comfyui.errors import NodeError
from tests.fakes.comfyui.files import Folders
from tests.fakes.comfyui.misbehaviour import OutOfMemory, Slow, Troubles
from tests.fakes.comfyui.pictures import Frames, size_of
from tests.fakes.comfyui.saving import SAVERS, Clip, Saved

MOTION_LIMIT = 32  # frames per call of a motion module
BROKEN_FILES = {
    "truncated_download.safetensors": (
        "safetensors._safetensors_rust.SafetensorError",
        "Error while deserializing header: incomplete metadata, file not fully covered\n",
    ),
    "not_a_motion_model.safetensors": (
        "ValueError",
        "'not_a_motion_model.safetensors' is not a valid SD1.5 nor SDXL motion module - contained -1 downblocks.\n",
    ),
}


@dataclass(frozen=True)
class Pace:
    """How long a render takes. `per_frame_s` is spread over the sampler's steps."""

    per_step_s: float = 0.0
    per_frame_s: float = 0.0
    rig_tick_s: float = rig.TICK_S


@dataclass(frozen=True)
class Model:
    motion: str | None = None
    context_length: int | None = None


@dataclass(frozen=True)
class Context:
    length: int


@dataclass(frozen=True)
class Motion:
    name: str


@dataclass(frozen=True)
class Token:
    """A value of a type without a rule."""

    kind: str


@dataclass(frozen=True)
class Work:
    """One node to run. `kinds` are the types of the linked inputs, `makes` those of the outputs."""

    class_type: str
    inputs: dict[str, Any]
    kinds: dict[str, str]
    makes: list[str]
    folders: Folders
    troubles: Troubles
    pace: Pace
    metadata: str
    sleep: Callable[[float], None]
    tick: Callable[[int, int, Frames | None], None]  # value, maximum, preview


@dataclass(frozen=True)
class Made:
    outputs: list[Any] = field(default_factory=list)
    shown: dict[str, Any] | None = None  # the files of an output node, as the history has them


def run(work: Work) -> Made:
    """Raises NodeError where the real node raises; what `tick` and `sleep` raise goes through."""
    for name in ("ckpt_name", "model_name"):
        if work.inputs.get(name) in BROKEN_FILES:
            raise NodeError(*BROKEN_FILES[work.inputs[name]])
    if work.class_type in SAVERS:
        saved: Saved = SAVERS[work.class_type](work.inputs, work.folders, work.troubles, work.metadata, work.tick)
        return Made(saved.outputs, saved.shown)
    if work.class_type in rig.CLASSES:
        rig.run(work.class_type, work.inputs, work.pace.rig_tick_s, work.sleep, work.tick)
        return Made([work.inputs["images"]])
    return Made(RULES.get(work.class_type, _hand_on)(work))


def _hand_on(work: Work) -> list[Any]:
    made: list[Any] = []
    for kind in work.makes:
        linked = (work.inputs[name] for name, given in work.kinds.items() if given == kind)
        made.append(next(linked, Token(kind)))
    if "CONTEXT_OPTIONS" in work.makes and "context_length" in work.inputs:
        made[work.makes.index("CONTEXT_OPTIONS")] = Context(work.inputs["context_length"])
    return made


def _load_checkpoint(work: Work) -> list[Any]:
    return [Model(), Token("CLIP"), Token("VAE")]


def _empty_latent(work: Work) -> list[Any]:
    width, height = (work.inputs[side] // 8 * 8 for side in ("width", "height"))
    return [Frames(width, height, work.inputs["batch_size"])]


def _empty_image(work: Work) -> list[Any]:
    colour = work.inputs["color"]
    rgb = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    return [Frames(work.inputs["width"], work.inputs["height"], work.inputs["batch_size"], colour=rgb)]


def _load_image(work: Work) -> list[Any]:
    path = work.folders.uploaded(work.inputs["image"])
    if path is None:
        raise NodeError("FileNotFoundError", f"[Errno 2] No such file or directory: '{work.inputs['image']}'\n")
    size = size_of(path)
    if size is None:
        raise NodeError("PIL.UnidentifiedImageError", f"cannot identify image file '{path}'\n")
    return [Frames(*size, still=path), Token("MASK")]


def _encode(work: Work) -> list[Any]:
    pixels: Frames = work.inputs["pixels"]
    return [replace(pixels, width=pixels.width // 8 * 8, height=pixels.height // 8 * 8)]


def _load_motion(work: Work) -> list[Any]:
    return [Motion(work.inputs["model_name"])]


def _apply_motion(work: Work) -> list[Any]:
    return [work.inputs["motion_model"]]


def _animate(work: Work) -> list[Any]:
    """AnimateDiff loader of generation 1, and the last node of generation 2."""
    motion = work.inputs.get("m_models")
    name = work.inputs.get("model_name") or (motion.name if motion else None)
    context = work.inputs.get("context_options")
    return [Model(name, context.length if context else None)]


def _sample(work: Work) -> list[Any]:
    latent: Frames = work.inputs["latent_image"]
    model = work.inputs["model"] if isinstance(work.inputs["model"], Model) else Model()
    _within_motion_limit(model, latent.count)
    at_once = min(latent.count, model.context_length or latent.count)
    size = {"frames": latent.count, "context": at_once, "pixels": latent.width * latent.height}
    if work.troubles.take(OutOfMemory, lambda trouble: trouble.strikes(**size)):
        raise NodeError("torch.OutOfMemoryError", rig.OOM)
    slow = work.troubles.take(Slow)
    seed = work.inputs["seed"] if "seed" in work.inputs else work.inputs["noise_seed"]
    drawn = replace(latent, seed=seed, still=None, colour=None)
    steps = work.inputs["steps"]
    step_s = work.pace.per_step_s + work.pace.per_frame_s * latent.count / steps
    for step in range(1, steps + 1):
        work.sleep(step_s + (slow.seconds_per_step if slow else 0.0))
        work.tick(step, steps, drawn)
    return [drawn]


def _within_motion_limit(model: Model, frames: int) -> None:
    if model.motion is None:
        return
    limit = f"AnimateDiff model {model.motion} has upper limit of {MOTION_LIMIT} frames"
    if model.context_length is None and frames > MOTION_LIMIT:
        raise NodeError("ValueError", f"Without a context window, {limit}, but received {frames} latents.\n")
    if model.context_length is not None and model.context_length > MOTION_LIMIT:
        text = f"{limit} for a context window, but received context length of {model.context_length}.\n"
        raise NodeError("ValueError", text)


def _create_video(work: Work) -> list[Any]:
    return [Clip(work.inputs["images"], work.inputs["fps"])]


def _components(work: Work) -> list[Any]:
    clip: Clip = work.inputs["video"]
    return [clip.frames, Token("AUDIO"), clip.fps]


def _resized(work: Work) -> list[Any]:
    frames: Frames = work.inputs["image"] if "image" in work.inputs else work.inputs["samples"]
    if "scale_by" in work.inputs:
        by = work.inputs["scale_by"]
        return [replace(frames, width=round(frames.width * by), height=round(frames.height * by))]
    width, height = work.inputs["width"], work.inputs["height"]
    width = width or round(frames.width * height / frames.height)
    return [replace(frames, width=width, height=height or round(frames.height * width / frames.width))]


def _repeated(work: Work) -> list[Any]:
    frames: Frames = work.inputs["image"] if "image" in work.inputs else work.inputs["samples"]
    return [replace(frames, count=frames.count * work.inputs["amount"])]


def _some(work: Work) -> list[Any]:
    frames: Frames = work.inputs["image"] if "image" in work.inputs else work.inputs["samples"]
    first = min(work.inputs["batch_index"], frames.count - 1)
    return [replace(frames, count=min(work.inputs["length"], frames.count - first))]


RULES: dict[str, Callable[[Work], list[Any]]] = {
    "CheckpointLoaderSimple": _load_checkpoint,
    "EmptyLatentImage": _empty_latent,
    "EmptyImage": _empty_image,
    "LoadImage": _load_image,
    "VAEEncode": _encode,
    "VAEDecode": lambda work: [work.inputs["samples"]],
    "VAEDecodeTiled": lambda work: [work.inputs["samples"]],
    "ADE_LoadAnimateDiffModel": _load_motion,
    "ADE_ApplyAnimateDiffModelSimple": _apply_motion,
    "ADE_ApplyAnimateDiffModel": _apply_motion,
    "ADE_UseEvolvedSampling": _animate,
    "ADE_AnimateDiffLoaderGen1": _animate,
    "ADE_AnimateDiffLoaderWithContext": _animate,
    "KSampler": _sample,
    "KSamplerAdvanced": _sample,
    "CreateVideo": _create_video,
    "GetVideoComponents": _components,
    "ImageScale": _resized,
    "ImageScaleBy": _resized,
    "ImageCrop": _resized,
    "LatentUpscale": _resized,
    "LatentUpscaleBy": _resized,
    "RepeatImageBatch": _repeated,
    "RepeatLatentBatch": _repeated,
    "ImageFromBatch": _some,
    "LatentFromBatch": _some,
}
