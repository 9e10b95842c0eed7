"""Which node pack brings a node class."""

from __future__ import annotations

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


def pack_of(node_class: str) -> str | None:
    """The node pack that brings this class, where Tower knows it."""
    return next((pack for start, pack in PACKS.items() if node_class.startswith(start)), None)
