"""Pictures of clips that must pass: kinds of shots that a quality check may wrongly reject.

A picture is RGB, uint8, height × width × 3. Every clip is a function of its seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Pictures = list[Picture]
Kind = Callable[[np.random.Generator, int, int], Pictures]


def filled(size: int, colour: Sequence[int]) -> Picture:
    return np.full((size, size, 3), tuple(colour), np.uint8)


def _colour(rng: np.random.Generator, low: int = 30, high: int = 230) -> tuple[int, int, int]:
    r, g, b = rng.integers(low, high, 3).tolist()
    return r, g, b


def texture(rng: np.random.Generator, size: int, *, low: int = 20, high: int = 235) -> Picture:
    """Painted-looking art: washes of several sizes, then brush strokes with edges."""
    total = np.zeros((size, size, 3), np.float32)
    for cells in (4, 8, 16, 32, 64):
        layer = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        total += cv2.resize(layer, (size, size), interpolation=cv2.INTER_CUBIC) * (8 / cells) ** 0.8
    for _ in range(150):
        start = rng.integers(0, size, 2)
        end = start + rng.integers(-size // 12, size // 12, 2)
        cv2.line(
            total, start.tolist(), end.tolist(), rng.normal(size=3).tolist(), int(rng.integers(2, 12)), cv2.LINE_AA
        )
    total = (total - total.mean()) / total.std() / 4 + 0.5
    return np.asarray(total.clip(0, 1) * (high - low) + low, np.uint8)


def _drift(art: Picture, size: int, path: Iterator[tuple[float, float]]) -> Pictures:
    """A size × size window that moves over the art along the path (x, y in pixels, sub-pixel exact)."""
    moves = (np.array([[1, 0, -x], [0, 1, -y]], np.float32) for x, y in path)
    return [np.asarray(cv2.warpAffine(art, move, (size, size), flags=cv2.INTER_LINEAR), np.uint8) for move in moves]


def _cell(rng: np.random.Generator, size: int) -> Picture:
    """A flat-coloured anime frame: sky, ground, a head with hard black outlines."""
    picture = filled(size, _colour(rng, 150, 240))
    cv2.rectangle(picture, (0, size * 2 // 3), (size, size), _colour(rng), -1)
    for _ in range(4):
        corner = rng.integers(0, size, 2)
        cv2.rectangle(picture, corner.tolist(), (corner + size // 6).tolist(), _colour(rng), -1)
    head = (size // 2, size // 2)
    for axes, colour in ((size // 5, _colour(rng, 190, 250)), (size // 16, (250, 250, 250))):
        cv2.ellipse(picture, head, (axes, axes * 5 // 4), 0, 0, 360, colour, -1, cv2.LINE_AA)
        cv2.ellipse(picture, head, (axes, axes * 5 // 4), 0, 0, 360, (10, 10, 10), 2, cv2.LINE_AA)
    return picture


def moving_shapes(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    ground, shown = filled(size, _colour(rng)), []
    starts, speeds = rng.uniform(0, size, (6, 2)), rng.normal(0, size / 90, (6, 2))
    colours, radii = [_colour(rng) for _ in range(6)], rng.integers(size // 20, size // 7, 6)
    for i in range(frames):
        picture = ground.copy()
        for start, speed, colour, radius in zip(starts, speeds, colours, radii, strict=True):
            x, y = ((start + i * speed) % size).tolist()
            cv2.circle(picture, (round(x), round(y)), int(radius), colour, -1, cv2.LINE_AA)
        shown.append(picture)
    return shown


def textured_pan(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    speed = float(rng.uniform(2, 6)) * size / 512
    return _drift(texture(rng, size * 2), size, ((i * speed, i * speed / 3) for i in range(frames)))


def slow_drift(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """0.2 pixels a frame at 512: the slowest camera that still counts as one."""
    step = 0.2 * size / 512
    return _drift(texture(rng, size * 2), size, ((20 + i * step, 20.0) for i in range(frames)))


def slow_drift_over_cells(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    step = 0.2 * size / 512
    wide = np.asarray(cv2.copyMakeBorder(_cell(rng, size), 40, 40, 40, 40, cv2.BORDER_REPLICATE), np.uint8)
    return _drift(wide, size, ((20 + i * step, 20.0) for i in range(frames)))


def talking_head(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """Limited animation: only a mouth moves, on threes."""
    cell, shown = _cell(rng, size), []
    for i in range(frames):
        picture = cell.copy()
        height = (2, 8, 14, 8)[i // 3 % 4] * size // 512
        mouth = (size // 2, size // 2 + size // 7)
        cv2.ellipse(picture, mouth, (14 * size // 512, max(1, height)), 0, 0, 360, (120, 20, 30), -1, cv2.LINE_AA)
        shown.append(picture)
    return shown


def night(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """A dark sky, a few windows and stars, one light that passes."""
    ground, shown = texture(rng, size, low=2, high=18), []
    for x, y in rng.integers(0, size, (30, 2)).tolist():
        cv2.rectangle(ground, (x, y), (x + size // 100, y + size // 70), _colour(rng, 90, 200), -1)
    for i in range(frames):
        picture = ground.copy()
        cv2.circle(picture, (round(size * (0.1 + 0.8 * i / frames)), size * 3 // 4), size // 50, (240, 220, 160), -1)
        shown.append(picture)
    return shown


def bright(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """Snow under a white sky: little contrast, a slow pan."""
    art = texture(rng, size * 2, low=205, high=254)
    return _drift(art, size, ((i * size / 512, 0.0) for i in range(frames)))


def fast_action(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """A whip pan with speed lines and a shaking camera."""
    art = texture(rng, size * 3)
    for _ in range(60):
        x, y = rng.integers(0, size * 3, 2).tolist()
        cv2.line(art, (x, y), (x + size // 3, y), (255, 255, 255), 2, cv2.LINE_AA)
    shake = rng.normal(0, size / 100, (frames, 2)).tolist()
    return _drift(art, size, ((i * size / 40 % (size * 1.9) + dx, size / 2 + dy) for i, (dx, dy) in enumerate(shake)))


def fade_in(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """0.3 s from black, at 24 frames a second."""
    shown = textured_pan(rng, size, frames)
    return [np.asarray(p * min(1.0, i / 7), np.uint8) for i, p in enumerate(shown)]


def ending_hold(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """Moves, then holds its last drawing for the last third."""
    shown = moving_shapes(rng, size, frames)
    return shown[: frames - frames // 3] + [shown[frames - frames // 3]] * (frames // 3)


def grainy(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    return grain(rng, slow_drift(rng, size, frames), 6)


def still_background(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """A still painting with one small thing that crosses it."""
    art, shown = texture(rng, size), []
    for i in range(frames):
        picture = art.copy()
        cv2.circle(picture, (round(size * i / frames), size // 2), size // 40, (255, 250, 240), -1, cv2.LINE_AA)
        shown.append(picture)
    return shown


def grain(rng: np.random.Generator, shown: Pictures, sigma: float) -> Pictures:
    """Film grain: new on every frame, the same on all three channels."""
    noises = (rng.normal(0, sigma, (*picture.shape[:2], 1)) for picture in shown)
    return [
        np.asarray(np.clip(picture + noise, 0, 255), np.uint8) for picture, noise in zip(shown, noises, strict=True)
    ]


def on_twos(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """Drawings held for two frames before a painted background that stands still."""
    art, shown = texture(rng, size), []
    for i in range(frames):
        picture, turn = art.copy(), i // 2 * 2 / frames
        at = (round(size * (0.2 + 0.6 * turn)), round(size * (0.5 + 0.1 * np.sin(turn * 12))))
        cv2.ellipse(picture, at, (size // 9, size // 5), turn * 60, 0, 360, (235, 215, 190), -1, cv2.LINE_AA)
        cv2.ellipse(picture, at, (size // 9, size // 5), turn * 60, 0, 360, (20, 15, 25), 2, cv2.LINE_AA)
        shown.append(picture)
    return shown


def starfield(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """Points of light that drift over black: little is lit, and nothing has a neighbour."""
    stars, lights, shown = rng.uniform(0, size, (250, 2)), rng.integers(90, 255, 250), []
    for i in range(frames):
        picture = filled(size, (4, 4, 10))
        for (x, y), light in zip(stars.tolist(), lights.tolist(), strict=True):
            cv2.circle(picture, (round(x + i * size / 512) % size, round(y)), 1 + light // 200, (light,) * 3, -1)
        shown.append(picture)
    return shown


def rain(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """Streaks that are elsewhere on every frame, before a still painting."""
    art, shown = texture(rng, size, low=20, high=120), []
    for _ in range(frames):
        picture = art.copy()
        for x, y in rng.integers(0, size, (150, 2)).tolist():
            cv2.line(picture, (x, y), (x - size // 60, y + size // 14), (190, 200, 215), 1, cv2.LINE_AA)
        shown.append(picture)
    return shown


def rolling_credits(_: np.random.Generator, size: int, frames: int) -> Pictures:
    """Small white letters on black."""
    shown = []
    for i in range(frames):
        picture = filled(size, (0, 0, 0))
        for line in range(12):
            at = (size // 4, round(size * line / 10 - i * size / 200))
            cv2.putText(picture, f"KEY ANIMATION {line}", at, cv2.FONT_HERSHEY_SIMPLEX, size / 900, (235, 235, 235), 1)
        shown.append(picture)
    return shown


def fog(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """Next to no contrast, and a slow camera."""
    art = cv2.GaussianBlur(texture(rng, size * 2, low=150, high=185), (0, 0), size / 100)
    return _drift(np.asarray(art, np.uint8), size, ((i * 0.5 * size / 512, 0.0) for i in range(frames)))


def lightning(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """A night with three white flashes."""
    shown = night(rng, size, frames)
    for i in (frames // 4, frames // 4 + 2, frames // 2):
        shown[i] = np.asarray(shown[i] // 4 + 180, np.uint8)
    return shown


def cut_inside(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    return textured_pan(rng, size, frames // 2) + moving_shapes(rng, size, frames - frames // 2)


def push_in(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """A slow zoom on a flat-coloured drawing."""
    cell, centre = _cell(rng, size), (size / 2, size / 2)
    zooms = (cv2.getRotationMatrix2D(centre, 0, 1 + 0.1 * i / frames) for i in range(frames))
    return [np.asarray(cv2.warpAffine(cell, zoom, (size, size), flags=cv2.INTER_LINEAR), np.uint8) for zoom in zooms]


def grainy_snow(rng: np.random.Generator, size: int, frames: int) -> Pictures:
    """The least contrast with the most grain."""
    return grain(rng, bright(rng, size, frames), 6)


GOOD: tuple[Kind, ...] = (
    moving_shapes,
    textured_pan,
    slow_drift,
    slow_drift_over_cells,
    talking_head,
    night,
    bright,
    fast_action,
    fade_in,
    ending_hold,
    grainy,
    still_background,
    on_twos,
    starfield,
    rain,
    rolling_credits,
    fog,
    lightning,
    cut_inside,
    push_in,
    grainy_snow,
)
