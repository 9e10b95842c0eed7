"""Which node pack brings a node class, and what a server can do by the classes it has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tower.workflows.nodes import ObjectInfo, specs_of

# Beginnings of class names, the longest first, as the packs themselves name their classes.
PACKS = {
    "ADE_": "ComfyUI-AnimateDiff-Evolved",
    "VHS_": "ComfyUI-VideoHelperSuite",
    "ACN_": "ComfyUI-Advanced-ControlNet",
    "IPAdapter": "ComfyUI_IPAdapter_plus",
    "RIFE VFI": "ComfyUI-Frame-Interpolation",
    "FILM VFI": "ComfyUI-Frame-Interpolation",
    "UltimateSDUpscale": "ComfyUI_UltimateSDUpscale",
    "FaceDetailer": "ComfyUI-Impact-Pack",
    "UltralyticsDetectorProvider": "ComfyUI-Impact-Subpack",
    "BatchPromptSchedule": "ComfyUI_FizzNodes",
}


@dataclass(frozen=True)
class Capabilities:
    """What a server has beyond drawing pictures: the nodes, and for upscalers and interpolation a model file too."""

    animatediff: bool
    video_helper_suite: bool
    core_video: bool
    ipadapter: bool
    rife: bool
    frame_interpolation: bool
    upscalers: bool


def pack_of(node_class: str) -> str | None:
    """The node pack that brings this class, where Tower knows it."""
    return next((pack for start, pack in PACKS.items() if node_class.startswith(start)), None)


def capabilities(info: ObjectInfo) -> Capabilities:
    classes = set(info)
    return Capabilities(
        animatediff=bool(classes & {"ADE_AnimateDiffLoaderGen1", "ADE_UseEvolvedSampling"}),
        video_helper_suite="VHS_VideoCombine" in classes,
        core_video={"CreateVideo", "SaveVideo"} <= classes,
        ipadapter=_starts(classes, "IPAdapter"),
        rife=_starts(classes, "RIFE VFI"),
        frame_interpolation="FrameInterpolate" in classes and _has_model(info, "FrameInterpolationModelLoader"),
        upscalers="ImageUpscaleWithModel" in classes and _has_model(info, "UpscaleModelLoader"),
    )


def _has_model(info: ObjectInfo, loader: str) -> bool:
    return any(spec.choices for spec in specs_of(info, loader, {}).values())


def _starts(classes: Collection[str], start: str) -> bool:
    return any(name.startswith(start) for name in classes)
