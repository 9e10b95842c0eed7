"""Particles in the air: rain, snow, petals, leaves, dust and lights."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tower_animatic.layers import Element, View
from tower_animatic.paint import (
    Colour,
    Pixels,
    apply_light,
    brighten,
    disc,
    mix_colours,
    opaque,
    outline,
    parse_colour,
    polygon,
)
from tower_animatic.setting_parts import Drift, Weather
from tower_animatic.stage import Stage

_PETAL = np.array(outline("""-1,0 -0.45,-0.5 0.35,-0.45 0.95,-0.14 0.72,0 0.95,0.16 0.35,0.46 -0.45,0.48"""))
_LEAF = np.array(outline("-1.1,0 -0.3,-0.42 0.5,-0.3 1.1,0 0.5,0.3 -0.3,0.4"))


def make_particles(stage: Stage) -> list[Element]:
    """The weather and the drift of a stage, drawn in front of everything else."""
    indoors = stage.setting.is_sheltered
    air: list[Element] = []
    if not indoors and stage.setting.weather in (Weather.RAIN, Weather.STORM):
        air.append(Rain(stage, heavy=stage.setting.weather is Weather.STORM))
    if not indoors and stage.setting.weather is Weather.SNOW:
        air.append(
            Motes(
                stage, "snow", MoteKind(count=230, size=(0.0022, 0.0085), paint=(255, 250, 246), fall=0.11, gain=0.85)
            )
        )
    air += _drift(stage)
    if stage.camera.bokeh:
        air.append(
            Motes(
                stage,
                "bokeh",
                MoteKind(
                    count=14,
                    size=(0.018, 0.05),
                    paint=mix_colours(stage.palette.glow, (160, 200, 255), 0.3),
                    fall=-0.008,
                    gain=0.16,
                    blink=0.5,
                ),
            )
        )
    if stage.camera.speed_lines:
        air.append(SpeedLines(stage))
    return air


def _drift(stage: Stage) -> list[Element]:
    drift = stage.setting.drift
    glow = stage.palette.glow
    if drift is Drift.PETALS:
        return [
            TumblingPieces(
                stage,
                _PETAL,
                (parse_colour("ffd3e2"), parse_colour("f9a9c6"), parse_colour("ffe9f0")),
                count=70,
                size=0.0085,
            )
        ]
    if drift is Drift.LEAVES:
        return [
            TumblingPieces(
                stage,
                _LEAF,
                (parse_colour("d8722e"), parse_colour("e8a83a"), parse_colour("b8452c")),
                count=42,
                size=0.011,
            )
        ]
    if drift is Drift.FIREFLIES:
        return [
            Motes(
                stage,
                "fireflies",
                MoteKind(
                    count=46,
                    size=(0.0030, 0.0085),
                    paint=parse_colour("d8ff7a"),
                    fall=-0.012,
                    gain=1.0,
                    blink=1.0,
                    halo=True,
                ),
            )
        ]
    if drift is Drift.EMBERS:
        return [
            Motes(
                stage,
                "embers",
                MoteKind(
                    count=80,
                    size=(0.0016, 0.005),
                    paint=parse_colour("ff9a3c"),
                    fall=-0.16,
                    gain=1.0,
                    blink=0.6,
                    halo=True,
                ),
            )
        ]
    if drift is Drift.DUST:
        return [
            Motes(
                stage, "dust", MoteKind(count=80, size=(0.0013, 0.0042), paint=glow, fall=-0.006, gain=0.55, blink=0.7)
            )
        ]
    return []


@dataclass(frozen=True)
class MoteKind:
    """A kind of soft round lights.

    `size`: smallest and largest radius in units. `fall`: units per second, negative for rising ones. `gain` 0…1:
    brightness. `blink` 0…1: how much the brightness varies.
    """

    count: int
    size: tuple[float, float]
    paint: Colour
    fall: float
    gain: float
    blink: float = 0.0
    halo: bool = False


class Motes:
    """Soft round lights that float."""

    def __init__(self, stage: Stage, label: str, kind: MoteKind) -> None:
        rng = stage.rng(f"motes {label}")
        self._kind = kind
        self._near = rng.random(kind.count) ** 2.2
        self._x, self._y = rng.random(kind.count), rng.random(kind.count)
        self._size = kind.size[0] + (kind.size[1] - kind.size[0]) * self._near
        self._phase = rng.uniform(0, 6.28, (3, kind.count))
        self._pace = rng.uniform(0.6, 1.3, kind.count)

    def draw(self, frame: Pixels, view: View) -> None:
        stage, t, kind = view.stage, view.seconds, self._kind
        depth = 0.5 + self._near
        sway = 0.02 * np.sin(0.7 * self._pace * t + self._phase[0])
        x = self._x + sway - view.pose.x * depth * stage.unit / stage.width
        y = (
            self._y
            + kind.fall * (0.45 + self._near) * self._pace * t * stage.unit / stage.height
            + 0.008 * np.sin(1.1 * t + self._phase[1])
            - view.pose.y * depth
        )
        light = kind.gain * (1 - kind.blink * (0.5 + 0.5 * np.sin(1.7 * self._pace * t + self._phase[2])))
        sheet = half_size_sheet(stage)
        glow = np.zeros((max(8, stage.height // 8), max(8, stage.width // 8), 4), np.uint8)
        for px, py, size, gain in zip(x % 1.1 - 0.05, y % 1.1 - 0.05, self._size, light, strict=True):
            place = (px * stage.width / 2, py * stage.height / 2)
            disc(sheet, place, max(0.6, size * stage.unit / 2), brighten(kind.paint, gain))
            if kind.halo:
                disc(
                    glow,
                    (place[0] / 4, place[1] / 4),
                    max(0.7, size * stage.unit * 0.42),
                    brighten(kind.paint, 0.47 * gain),
                )
        sheet = cv2.GaussianBlur(sheet, (3, 3), 0.8)
        if kind.halo:
            halo = cv2.GaussianBlur(glow, (0, 0), 0.012 * stage.unit / 8 + 0.8)
            cv2.add(sheet, cv2.resize(halo, sheet.shape[1::-1]), dst=sheet)
        add_light(frame, sheet, view)


class TumblingPieces:
    """Petals or leaves that turn as they fall. `size` in units."""

    def __init__(self, stage: Stage, outline: Pixels, paints: tuple[Colour, ...], *, count: int, size: float) -> None:
        rng = stage.rng("tumbling")
        self._outline = outline
        self._x, self._y = rng.random(count), rng.random(count)
        self._near = rng.random(count) ** 2
        self._size = size * (0.45 + 1.3 * self._near)
        self._phase, self._pace = rng.uniform(0, 6.28, (3, count)), rng.uniform(0.7, 1.3, count)
        air = stage.palette.shade_surface((255, 255, 255), 1.0, sunny=0.7)
        self._paints = [opaque(apply_light(paints[int(k)], air)) for k in rng.integers(len(paints), size=count)]

    def draw(self, frame: Pixels, view: View) -> None:
        stage, t = view.stage, view.seconds
        depth = 0.6 + 0.9 * self._near
        wide = stage.unit / stage.width
        fall = (0.055 + 0.06 * self._near) * self._pace * t
        x = (
            self._x
            + wide * (0.09 * self._pace * t + 0.025 * np.sin(1.3 * t + self._phase[0]))
            - view.pose.x * depth * wide
        )
        y = self._y + fall * stage.unit / stage.height + 0.010 * np.sin(1.9 * t + self._phase[1]) - view.pose.y * depth
        turn, tilt = 1.1 * self._pace * t + self._phase[2], np.cos(2.2 * self._pace * t + self._phase[1])
        for i, paint in enumerate(self._paints):
            cos, sin = np.cos(turn[i]), np.sin(turn[i])
            shape = (self._outline * (1, 0.25 + 0.75 * abs(tilt[i]))) @ np.array([[cos, sin], [-sin, cos]])
            place = ((x[i] % 1.1 - 0.05) * stage.width, (y[i] % 1.1 - 0.05) * stage.height)
            polygon(frame, shape * self._size[i] * stage.unit + place, paint)


class Rain:
    """Streaks of rain at three distances."""

    def __init__(self, stage: Stage, *, heavy: bool) -> None:
        rng = stage.rng("rain")
        count = 420 if heavy else 280
        self._x, self._y, self._near = rng.random(count), rng.random(count), rng.random(count) ** 2
        self._slant = 0.22 if heavy else 0.09

    def draw(self, frame: Pixels, view: View) -> None:
        stage = view.stage
        sheet = np.zeros((stage.height, stage.width), np.uint8)
        speed = 1.5 + 1.7 * self._near
        travel = speed * view.seconds
        y = (self._y + travel) % 1.3 - 0.15
        x = (self._x - self._slant * (travel % 1000) * stage.unit / stage.width - view.pose.x * self._near) % 1.1 - 0.05
        length = (0.035 + 0.075 * self._near) * stage.unit
        top = np.stack([x * stage.width, y * stage.height], 1)
        low = top + np.stack([-self._slant * length, length], 1)
        lines = np.round(np.stack([top, low], 1) * 16).astype(np.int32)
        for band, (gain, thick) in enumerate(((40, 1), (62, 1), (50, 2))):
            chosen = lines[(self._near * 3).astype(int) == band]
            weight = max(1, round(thick * stage.unit / 900))
            cv2.polylines(sheet, list(chosen), False, (gain,), weight, cv2.LINE_AA, 4)
        add_light(frame, sheet, view)


class SpeedLines:
    """Streaks of an action shot at the upper and lower edge, along the movement of the camera."""

    def __init__(self, stage: Stage) -> None:
        rng = stage.rng("speed")
        count = 34
        edge = rng.random(count) ** 1.5 * 0.20
        self._y = np.where(rng.random(count) < 0.5, edge, 1 - edge)
        self._x, self._length = rng.random(count), rng.uniform(0.15, 0.5, count)
        self._speed = rng.uniform(1.6, 3.2, count)
        self._direction = 1.0 if stage.camera.end.x < stage.camera.start.x else -1.0

    def draw(self, frame: Pixels, view: View) -> None:
        stage = view.stage
        sheet = half_size_sheet(stage)
        x = (self._x + self._direction * self._speed * view.seconds) % 1.6 - 0.3
        for px, py, length in zip(
            x * stage.width / 2, self._y * stage.height / 2, self._length * stage.width / 2, strict=True
        ):
            thick = 0.0010 * stage.unit
            polygon(
                sheet, [(px - length / 2, py), (px, py - thick), (px + length / 2, py), (px, py + thick)], (42, 42, 42)
            )
        add_light(frame, sheet, view)


def add_light(frame: Pixels, sheet: Pixels, view: View) -> None:
    """Add a sheet of light: grey in the size of the frame, or BGRA in half of it."""
    size = frame.shape[1::-1]
    light = view.scratch.sheet((size[0], size[1]))
    if sheet.ndim == 2:
        cv2.cvtColor(sheet, cv2.COLOR_GRAY2BGRA, dst=light)
    else:
        cv2.resize(sheet, size, dst=light, interpolation=cv2.INTER_LINEAR)
    cv2.add(frame, light, dst=frame)


def half_size_sheet(stage: Stage) -> Pixels:
    """An empty sheet of light in half the size of the frame."""
    return np.zeros((stage.height // 2, stage.width // 2, 4), np.uint8)
