"""A cave: rock around an opening with the light of the hour, stalactites, glowing crystals."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Halo, Layer, Light, PaintedScene, slow_pulse
from tower_animatic.paint import (
    Colour,
    Pixels,
    brighten,
    mix_colours,
    noise,
    opaque,
    parse_colour,
    polygon,
    smoothstep,
    soften,
)
from tower_animatic.scenery import heavens
from tower_animatic.scenery.ground import paint_plain, paint_stones
from tower_animatic.scenery.terrain import paint_mountains
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.72
_ROCK = parse_colour("5a566a")
_CRYSTALS = tuple(parse_colour(code) for code in ("6fe8ff", "b48cff", "7affc0"))


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("cave").random() < 0.5 else -1
    mouth = (0.5 + 0.12 * side, 0.44)
    rock = mix_colours(_ROCK, stage.palette.ink, 0.35)
    hazy = mix_colours(rock, stage.palette.haze, 0.25)
    ground = paint_plain(stage, "cave", horizon=HORIZON, ground=rock)
    paint_stones(ground, "cave", top=HORIZON + 0.02, rock=rock, side=side, count=40)
    crystals, shine = _crystals(stage)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=mouth, glow=0.35),
        paint_mountains(
            stage, "outside", depth=0.1, crest=0.5, base=HORIZON, rock=parse_colour("6f8f94"), peaks=3.0, mist=0.9
        ),
        _rock_ring(stage, "far", mouth, depth=0.25, reach=(0.24, 0.27), tone=hazy),
        _rock_ring(stage, "middle", mouth, depth=0.45, reach=(0.36, 0.36), tone=rock),
        Layer(ground),
        Halo((_beam(stage, mouth), slow_pulse(5.0, 0.8))),
        crystals,
        Halo((shine, slow_pulse(3.6, 0.6))),
    ]
    edge = _rock_ring(
        stage, "near", (0.5, 0.5), depth=1.3, reach=(0.66, 0.62), tone=mix_colours(rock, stage.palette.ink, 0.8)
    )
    return PaintedScene(tuple(back), (edge,), Light(*mouth, stage.palette.glow), floor=0.90)


def _rock_ring(
    stage: Stage, label: str, middle: tuple[float, float], *, depth: float, reach: tuple[float, float], tone: Colour
) -> Layer:
    """Rock around an opening of this half width and height (units), with stalactites at its upper edge."""
    rng = stage.rng(f"rock ring {label}")
    canvas = Canvas(stage, depth, scale=0.5 if depth > 1 else 1.0)
    angle = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    wobble = 1 + 0.035 * rng.normal(size=56)
    teeth = np.where((np.sin(angle) < -0.25) & (np.arange(56) % 3 == 0), rng.uniform(0.62, 0.92, 56), 1.0)
    ring = np.stack([np.cos(angle) * reach[0] * wobble, np.sin(angle) * reach[1] * wobble * teeth], 1)
    height, width = canvas.image.shape[:2]
    mask: Pixels = np.full((height, width), 255, np.uint8)
    polygon(mask, canvas.shape(*middle, ring), (0,))
    grain = noise(rng, (height, width), cells=7, octaves=5)[..., None]
    xs, ys = np.linspace(-1, 1, width, dtype=np.float32)[None], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    far = smoothstep(0.0, 0.5, np.hypot(xs, ys))[..., None]
    lit = np.asarray(mix_colours(tone, stage.palette.light, 0.28), np.float32)
    dark = np.asarray(mix_colours(tone, stage.palette.ink, 0.75), np.float32)
    field = lit + (dark - lit) * np.clip(0.35 * far + 1.3 * (grain - 0.3), 0, 1)
    cover = mask[..., None].astype(np.float32) / 255
    canvas.image[..., :3] = (field * cover).astype(np.uint8)
    canvas.image[..., 3] = mask
    return Layer(canvas)


def _beam(stage: Stage, mouth: tuple[float, float]) -> Canvas:
    canvas = Canvas(stage, depth=0.5, scale=0.25)
    x, y = mouth
    beam = [(x - 0.12, y - 0.1), (x + 0.12, y - 0.1), (x + 0.30, 0.95), (x - 0.34, 0.95)]
    polygon(canvas.image, canvas.points(beam), brighten(stage.palette.glow, 0.20))
    canvas.image = soften(canvas.image, 0.05 * canvas.unit)
    canvas.image[..., 3] = 0
    return canvas


def _crystals(stage: Stage) -> tuple[Layer, Canvas]:
    """Clusters of crystals at both sides, and their light."""
    rng = stage.rng("crystals")
    canvas, shine = Canvas(stage, depth=0.85), Canvas(stage, depth=0.85, scale=0.25)
    for x in (0.06, 0.17, 0.84, 0.95):
        colour = _CRYSTALS[int(rng.integers(len(_CRYSTALS)))]
        for lean in np.linspace(-0.7, 0.7, 5) + rng.normal(0, 0.1, 5):
            tall, wide = rng.uniform(0.05, 0.13), rng.uniform(0.010, 0.018)
            tip, out = np.array([np.sin(lean), -np.cos(lean)]) * tall, np.array([np.cos(lean), np.sin(lean)]) * wide
            shape = np.array([-out, tip * 0.8 - out, tip, tip * 0.8 + out, out])
            polygon(canvas.image, canvas.shape(x, 0.86, shape), opaque(mix_colours(colour, stage.palette.ink, 0.35)))
            polygon(canvas.image, canvas.shape(x, 0.86, shape[:3]), opaque(mix_colours(colour, (255, 255, 255), 0.35)))
            polygon(shine.image, shine.shape(x, 0.86, shape), brighten(colour, 0.7))
    shine.image = soften(shine.image, 0.03 * shine.unit)
    shine.image[..., 3] = 0
    return Layer(canvas), shine
