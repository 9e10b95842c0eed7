"""Computes the outputs of node classes. A class without a rule here passes its inputs on, by type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.comfyui import rig
from tests.fakes.comfyui.errors import NodeError
from tests.fakes.comfyui.files import ServerFolders
from tests.fakes.comfyui.misbehaviour import ActiveMisbehaviours, OutOfMemory, Slow
from tests.fakes.comfyui.pictures import FrameRecipe, picture_size
from tests.fakes.comfyui.saving import SAVERS, FakeVideo, SavedFiles

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
class RenderPace:
    """How long a render takes. `per_frame_s` is spread over the sampler's steps."""

    per_step_s: float = 0.0
    per_frame_s: float = 0.0
    rig_tick_s: float = rig.TICK_S


@dataclass(frozen=True)
class LoadedModel:
    motion: str | None = None
    context_length: int | None = None


@dataclass(frozen=True)
class ContextOptions:
    length: int


@dataclass(frozen=True)
class MotionModule:
    name: str


@dataclass(frozen=True)
class OpaqueValue:
    """A value of a type without a rule."""

    kind: str


@dataclass(frozen=True)
class NodeCall:
    """One node to run. `input_types` are the types of the linked inputs, `output_types` those of the outputs."""

    class_type: str
    inputs: dict[str, Any]
    input_types: dict[str, str]
    output_types: list[str]
    folders: ServerFolders
    misbehaviours: ActiveMisbehaviours
    pace: RenderPace
    metadata: str
    sleep: Callable[[float], None]
    tick: Callable[[int, int, FrameRecipe | None], None]  # value, maximum, preview


@dataclass(frozen=True)
class NodeResult:
    outputs: list[Any] = field(default_factory=list)
    ui: dict[str, Any] | None = None  # the files of an output node, as the history has them


def run_node(work: NodeCall) -> NodeResult:
    """Raises NodeError where the real node raises. Errors of `tick` and `sleep` pass through."""
    for name in ("ckpt_name", "model_name"):
        if work.inputs.get(name) in BROKEN_FILES:
            raise NodeError(*BROKEN_FILES[work.inputs[name]])
    if work.class_type in SAVERS:
        saved: SavedFiles = SAVERS[work.class_type](
            work.inputs, work.folders, work.misbehaviours, work.metadata, work.tick
        )
        return NodeResult(saved.outputs, saved.ui)
    if work.class_type in rig.CLASSES:
        rig.run_rig_node(work.class_type, work.inputs, work.pace.rig_tick_s, work.sleep, work.tick)
        return NodeResult([work.inputs["images"]])
    return NodeResult(RULES.get(work.class_type, _hand_on)(work))


def _hand_on(work: NodeCall) -> list[Any]:
    outputs: list[Any] = []
    for kind in work.output_types:
        linked = (work.inputs[name] for name, input_type in work.input_types.items() if input_type == kind)
        outputs.append(next(linked, OpaqueValue(kind)))
    if "CONTEXT_OPTIONS" in work.output_types and "context_length" in work.inputs:
        outputs[work.output_types.index("CONTEXT_OPTIONS")] = ContextOptions(work.inputs["context_length"])
    return outputs


def _load_checkpoint(work: NodeCall) -> list[Any]:
    return [LoadedModel(), OpaqueValue("CLIP"), OpaqueValue("VAE")]


def _empty_latent(work: NodeCall) -> list[Any]:
    width, height = (work.inputs[side] // 8 * 8 for side in ("width", "height"))
    return [FrameRecipe(width, height, work.inputs["batch_size"])]


def _empty_video_latent(work: NodeCall) -> list[Any]:
    """Sizes and lengths that the model cannot make are cut down without an error."""
    width, height = (work.inputs[side] // 16 * 16 for side in ("width", "height"))
    return [FrameRecipe(width, height, (work.inputs["length"] - 1) // 4 * 4 + 1)]


def _empty_image(work: NodeCall) -> list[Any]:
    colour = work.inputs["color"]
    rgb = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    return [FrameRecipe(work.inputs["width"], work.inputs["height"], work.inputs["batch_size"], colour=rgb)]


def _load_image(work: NodeCall) -> list[Any]:
    path = work.folders.find_upload(work.inputs["image"])
    if path is None:
        raise NodeError("FileNotFoundError", f"[Errno 2] No such file or directory: '{work.inputs['image']}'\n")
    size = picture_size(path)
    if size is None:
        raise NodeError("PIL.UnidentifiedImageError", f"cannot identify image file '{path}'\n")
    return [FrameRecipe(*size, still=path), OpaqueValue("MASK")]


def _encode(work: NodeCall) -> list[Any]:
    pixels: FrameRecipe = work.inputs["pixels"]
    return [replace(pixels, width=pixels.width // 8 * 8, height=pixels.height // 8 * 8)]


def _load_motion(work: NodeCall) -> list[Any]:
    return [MotionModule(work.inputs["model_name"])]


def _apply_motion(work: NodeCall) -> list[Any]:
    return [work.inputs["motion_model"]]


def _animate(work: NodeCall) -> list[Any]:
    """AnimateDiff loader of generation 1, and the last node of generation 2."""
    motion = work.inputs.get("m_models")
    name = work.inputs.get("model_name") or (motion.name if motion else None)
    context = work.inputs.get("context_options")
    return [LoadedModel(name, context.length if context else None)]


def _sample(work: NodeCall) -> list[Any]:
    latent: FrameRecipe = work.inputs["latent_image"]
    model = work.inputs["model"] if isinstance(work.inputs["model"], LoadedModel) else LoadedModel()
    _within_motion_limit(model, latent.count)
    at_once = min(latent.count, model.context_length or latent.count)
    size = {"frames": latent.count, "context": at_once, "pixels": latent.width * latent.height}
    if work.misbehaviours.take(OutOfMemory, lambda misbehaviour: misbehaviour.applies_to(**size)):
        raise NodeError("torch.OutOfMemoryError", rig.OOM)
    slow = work.misbehaviours.take(Slow)
    seed = work.inputs["seed"] if "seed" in work.inputs else work.inputs["noise_seed"]
    sampled = replace(latent, seed=seed, still=None, colour=None)
    steps = work.inputs["steps"]
    step_s = work.pace.per_step_s + work.pace.per_frame_s * latent.count / steps
    for step in range(1, steps + 1):
        work.sleep(step_s + (slow.seconds_per_step if slow else 0.0))
        work.tick(step, steps, sampled)
    return [sampled]


def _within_motion_limit(model: LoadedModel, frames: int) -> None:
    if model.motion is None:
        return
    limit = f"AnimateDiff model {model.motion} has upper limit of {MOTION_LIMIT} frames"
    if model.context_length is None and frames > MOTION_LIMIT:
        raise NodeError("ValueError", f"Without a context window, {limit}, but received {frames} latents.\n")
    if model.context_length is not None and model.context_length > MOTION_LIMIT:
        text = f"{limit} for a context window, but received context length of {model.context_length}.\n"
        raise NodeError("ValueError", text)


def _create_video(work: NodeCall) -> list[Any]:
    return [FakeVideo(work.inputs["images"], work.inputs["fps"])]


def _components(work: NodeCall) -> list[Any]:
    clip: FakeVideo = work.inputs["video"]
    return [clip.frames, OpaqueValue("AUDIO"), clip.fps]


def _resized(work: NodeCall) -> list[Any]:
    frames: FrameRecipe = work.inputs["image"] if "image" in work.inputs else work.inputs["samples"]
    if "scale_by" in work.inputs:
        by = work.inputs["scale_by"]
        return [replace(frames, width=round(frames.width * by), height=round(frames.height * by))]
    width, height = work.inputs["width"], work.inputs["height"]
    width = width or round(frames.width * height / frames.height)
    return [replace(frames, width=width, height=height or round(frames.height * width / frames.width))]


def _repeated(work: NodeCall) -> list[Any]:
    frames: FrameRecipe = work.inputs["image"] if "image" in work.inputs else work.inputs["samples"]
    return [replace(frames, count=frames.count * work.inputs["amount"])]


def _some(work: NodeCall) -> list[Any]:
    frames: FrameRecipe = work.inputs["image"] if "image" in work.inputs else work.inputs["samples"]
    first = min(work.inputs["batch_index"], frames.count - 1)
    return [replace(frames, count=min(work.inputs["length"], frames.count - first))]


RULES: dict[str, Callable[[NodeCall], list[Any]]] = {
    "CheckpointLoaderSimple": _load_checkpoint,
    "EmptyLatentImage": _empty_latent,
    "EmptyHunyuanLatentVideo": _empty_video_latent,
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
