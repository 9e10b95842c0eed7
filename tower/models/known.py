"""The recommended use of well-known model files, found by patterns in their names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from db.models.learning import ModelKind

USE_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"counterfeit.?v?3", "Anime stills and AnimateDiff shots on Stable Diffusion 1.5; the documented default"),
    (r"counterfeit", "Anime pictures on Stable Diffusion 1.5"),
    (r"meina.?mix", "Anime pictures with soft shading on Stable Diffusion 1.5"),
    (r"anything.?v?[345]", "Anime pictures of all kinds on Stable Diffusion 1.5"),
    (r"abyssorangemix|aom\d", "Detailed, painterly anime pictures on Stable Diffusion 1.5"),
    (r"dreamshaper", "Painted and semi-realistic pictures"),
    (r"realistic.?vision|epicrealism", "Realistic pictures on Stable Diffusion 1.5"),
    (r"toonyou", "Flat-coloured cartoon and anime pictures on Stable Diffusion 1.5"),
    (r"animagine", "Anime pictures on Stable Diffusion XL, prompted with tags"),
    (r"illustrious|noobai", "Anime pictures on Stable Diffusion XL, prompted with tags"),
    (r"pony", "Stylised characters on Stable Diffusion XL, prompted with tags"),
    (r"v1-5-pruned|sd-?v1-5|stable-diffusion-v1-5", "The base of Stable Diffusion 1.5: for training and comparison"),
    (r"sd_?xl_base", "The base of Stable Diffusion XL: for training and comparison"),
    (r"vae-ft-mse", "Decodes Stable Diffusion 1.5 with truer faces and colours; the documented default"),
    (r"kl-f8-anime", "Decodes Stable Diffusion 1.5 with the strong colours of anime"),
    (r"sdxl.?vae", "Decodes Stable Diffusion XL"),
    (r"mm-stabilized", "AnimateDiff with calmer motion, for dialogue and slow camera moves"),
    (r"mm_sd_v1[45]|v3_sd15_mm", "AnimateDiff on Stable Diffusion 1.5"),
    (r"mm_sdxl", "AnimateDiff on Stable Diffusion XL"),
    (r"v2_lora_(pan|tilt|zoom|roll)", "A camera move for AnimateDiff"),
    (r"animatelcm|lcm.?lora|lcm-lora", "Fewer sampling steps: for previews"),
    (r"ip-?adapter.*face", "Keeps a character's face as in its reference picture"),
    (r"ip-?adapter", "Steers a picture by a reference picture"),
    (r"4x.?anime ?sharp|anime6b|animevideov3", "Enlarges anime pictures four times with clean lines"),
    (r"realesrgan|4x.?ultrasharp", "Enlarges pictures four times"),
    (r"\brife|film_net", "Makes frames in between, for smoother motion"),
)
USE_BY_KIND = {
    ModelKind.EMBEDDING: "Named in a prompt, it stands for what it was trained on",
    ModelKind.UPSCALER: "Enlarges pictures",
    ModelKind.INTERPOLATOR: "Makes frames in between, for smoother motion",
}


def find_recommended_use(name: str, kind: ModelKind) -> str | None:
    """The use of a model file by name or kind; None for an unknown one."""
    stem = PurePosixPath(name).stem.lower()
    known = next((use for pattern, use in USE_PATTERNS if re.search(pattern, stem)), None)
    return known or USE_BY_KIND.get(kind)
