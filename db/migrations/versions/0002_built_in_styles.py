"""The built-in style templates, written for anime models of the Stable Diffusion 1.5 family.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Kept short: such a model reads 75 tokens at once, and most of them belong to the scene and its characters.
FAULTS = (
    "(worst quality, low quality:1.4), lowres, blurry, jpeg artifacts, bad anatomy, bad hands, extra digits, "
    "missing fingers, extra limbs, deformed face, text, watermark, signature, letterbox"
)
STYLES = (
    (
        "anime",
        "Cel-shaded television anime: clean lines, flat shadows, clear colours.",
        "masterpiece, best quality, anime screencap, cel shading, clean line art, vivid colors, detailed background",
        f"{FAULTS}, photorealistic, 3d render, sketch",
    ),
    (
        "realistic",
        "Semi-realistic: natural light, real materials, faces still drawn.",
        "masterpiece, best quality, semi-realistic, natural lighting, soft shadows, detailed textures, depth of field",
        f"{FAULTS}, flat color, cel shading, sketch, plastic skin",
    ),
    (
        "artistic",
        "Painted: watercolour washes, visible brush and ink on paper.",
        "masterpiece, best quality, watercolor painting, painterly, visible brushstrokes, ink outlines, paper texture",
        f"{FAULTS}, photorealistic, 3d render, flat color",
    ),
    (
        "cinematic",
        "Film-like: directed light, deep space, graded colour.",
        "masterpiece, best quality, anime film still, cinematic lighting, rim light, volumetric light, depth of field",
        f"{FAULTS}, flat lighting, overexposed, centered portrait",
    ),
)
ROWS = sa.table(
    "style_templates",
    sa.column("key", sa.UUID),
    sa.column("name"),
    sa.column("description"),
    sa.column("prompt"),
    sa.column("negative_prompt"),
    schema="anime_api",
)


def upgrade() -> None:
    columns = ("name", "description", "prompt", "negative_prompt")
    op.bulk_insert(ROWS, [dict(zip(columns, style, strict=True), key=key_of(style[0])) for style in STYLES])


def downgrade() -> None:
    op.execute(sa.delete(ROWS).where(ROWS.c.key.in_([key_of(style[0]) for style in STYLES])))


def key_of(name: str) -> uuid.UUID:
    """The same on every installation."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"tower:style:{name}")
