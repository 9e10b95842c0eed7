"""Names the node pack of a node class."""

from __future__ import annotations

# Prefixes of the class names that the packs use.
PACK_PREFIXES = {
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


def find_pack(node_class: str) -> str | None:
    """The node pack that contains this class; None if it is unknown."""
    return next((pack for start, pack in PACK_PREFIXES.items() if node_class.startswith(start)), None)
