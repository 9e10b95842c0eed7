"""Painting functions: colours, gradients, noise, blur. Images are uint8 BGR(A) with premultiplied alpha."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[Any]
Colour: TypeAlias = tuple[float, float, float]
"""Blue, green, red, each 0…255."""
Points: TypeAlias = npt.NDArray[Any] | Sequence[tuple[float, float]]

_SUBPIXEL_BITS = 4


def parse_colour(code: str) -> Colour:
    """The colour of a code such as "ff8040" (red, green, blue)."""
    red, green, blue = (int(code[i : i + 2], 16) for i in (0, 2, 4))
    return (float(blue), float(green), float(red))


def mix_colours(first: Colour, second: Colour, share: float) -> Colour:
    """`share` (0…1) of the second colour in the first."""
    b, g, r = ((1 - share) * a + share * z for a, z in zip(first, second, strict=True))
    return (b, g, r)


def apply_light(surface: Colour, light: Colour, gain: float = 1.0) -> Colour:
    """A surface under a coloured light."""
    b, g, r = (min(255.0, gain * a * z / 255) for a, z in zip(surface, light, strict=True))
    return (b, g, r)


def brighten(surface: Colour, gain: float) -> Colour:
    return apply_light(surface, (255, 255, 255), gain)


def opaque(paint: Colour) -> tuple[float, float, float, float]:
    return (*paint, 255.0)


def polygon(image: Pixels, points: Points, paint: Sequence[float]) -> None:
    """Fill an anti-aliased polygon. Points are in pixels, with fractions."""
    cv2.fillPoly(image, [_fixed(points)], tuple(paint), cv2.LINE_AA, _SUBPIXEL_BITS)


def stroke(image: Pixels, points: Points, paint: Sequence[float], thickness: int = 1) -> None:
    cv2.polylines(image, [_fixed(points)], False, tuple(paint), max(1, thickness), cv2.LINE_AA, _SUBPIXEL_BITS)


def disc(image: Pixels, centre: tuple[float, float], radius: float, paint: Sequence[float]) -> None:
    x, y = (round(v * (1 << _SUBPIXEL_BITS)) for v in centre)
    cv2.circle(
        image, (x, y), max(1, round(radius * (1 << _SUBPIXEL_BITS))), tuple(paint), -1, cv2.LINE_AA, _SUBPIXEL_BITS
    )


def outline(text: str) -> Pixels:
    """Points from "x,y x,y …"."""
    return np.array([pair.split(",") for pair in text.split()], np.float32)


def translate(points: Points, dx: float, dy: float) -> Pixels:
    """The shifted points."""
    shifted: Pixels = np.asarray(points, np.float32) + np.array((dx, dy), np.float32)
    return shifted


def curve(points: Points, steps: int = 8, *, closed: bool = False) -> Pixels:
    """A smooth line (Catmull-Rom) through the points."""
    p = np.asarray(points, np.float32)
    p = np.vstack([p[-1:], p, p[:2]]) if closed else np.vstack([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None, :] for i in range(4))
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    flat = line.reshape(-1, 2)
    return flat if closed else np.vstack([flat, p[-2:-1]])


def ramp(stops: Sequence[tuple[float, Colour]], positions: Pixels) -> Pixels:
    """The colours (n × 3, float32) of a gradient at these positions."""
    at = [stop for stop, _ in stops]
    return np.stack([np.interp(positions, at, [c[i] for _, c in stops]) for i in range(3)], axis=-1).astype(np.float32)


def noise(rng: np.random.Generator, size: tuple[int, int], *, cells: float = 4, octaves: int = 5) -> Pixels:
    """Cloudy noise (float32, about 0…1 around 0.5). The first octave has `cells` bumps over the height."""
    height, width = size
    total = np.zeros(size, np.float32)
    for octave in range(octaves):
        rows = max(2, round(cells * 2**octave))
        grid = rng.random((rows + 3, max(2, round(rows * width / height)) + 3), dtype=np.float32) - 0.5
        if rows * 2 > height:
            break
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.55**octave
    return total * 0.62 + 0.5


def dither(field: Pixels, rng: np.random.Generator) -> Pixels:
    """Convert a float image to uint8 without banding."""
    grain = rng.random(field.shape[:2], dtype=np.float32)[..., None]
    return np.clip(field + grain, 0, 255).astype(np.uint8)


def smoothstep(low: float, high: float, value: Pixels) -> Pixels:
    """0 below `low`, 1 above `high`, and an S curve in between (smoothstep)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blend_over(below: Pixels, above: Pixels) -> None:
    """Blend a premultiplied BGRA image over another of the same size, in place."""
    shade = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(above, 3)), cv2.COLOR_GRAY2BGRA)
    shade[..., 3] = shade[..., 0]
    cv2.add(cv2.multiply(below, shade, scale=1 / 255), above, dst=below)


def add_veil(image: Pixels, paint: Colour, strength: Pixels) -> None:
    """Mix a colour into an image by a strength (0…1) per row, in place. Alpha stays."""
    height, width = image.shape[:2]
    keep = np.repeat(np.round(255 * (1 - strength)).astype(np.uint8)[:, None, None], 4, axis=2)
    keep[..., 3] = 255
    mist = np.zeros((height, 1, 4), np.uint8)
    mist[:, 0, :3] = np.round(strength[:, None] * np.asarray(paint)[None])
    alpha = cv2.cvtColor(cv2.extractChannel(image, 3), cv2.COLOR_GRAY2BGRA)
    added = cv2.multiply(alpha, np.repeat(mist, width, axis=1), scale=1 / 255)
    cv2.multiply(image, np.repeat(keep, width, axis=1), dst=image, scale=1 / 255)
    cv2.add(image, added, dst=image)


def soften(image: Pixels, sigma: float) -> Pixels:
    """A Gaussian blur whose cost does not grow with its width."""
    if sigma < 3:
        return cv2.GaussianBlur(image, (0, 0), max(0.3, sigma))
    factor = max(2, int(sigma / 1.5))
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(2, width // factor), max(2, height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return cv2.resize(
        small, (width, height), interpolation=cv2.INTER_CUBIC if image.dtype != np.uint8 else cv2.INTER_LINEAR
    )


def _fixed(points: Points) -> Pixels:
    return np.round(np.asarray(points, np.float64) * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)
