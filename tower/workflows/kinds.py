"""What the types of links carry. Node packs give their own names to them, like WANVIDEOMODEL and HYVIDEMBEDS."""

from __future__ import annotations


def carries_pictures(kind: str) -> bool:
    """Whether the type is one of latents, pictures, videos or what a sampler makes them from."""
    if "TEXT" in kind or kind.endswith("MODEL"):
        return False
    return any(word in kind for word in ("LATENT", "IMAGE", "VIDEO", "SAMPLES", "EMBED", "PIPE"))


def carries_text(kind: str) -> bool:
    """Whether the type is one of encoded texts."""
    if any(word in kind for word in ("IMAGE", "AUDIO", "VISION")):
        return False
    return "COND" in kind or "EMBED" in kind or "PIPE" in kind


def carries_model(kind: str) -> bool:
    """Whether the type leads to the model of a sampler."""
    if any(word in kind for word in ("UPSCALE", "CLIP", "STYLE", "TEXT")):
        return False
    return "MODEL" in kind or "GUIDER" in kind or "PIPE" in kind
