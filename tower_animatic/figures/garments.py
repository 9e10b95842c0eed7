"""Clothes and hair: outlines from behind, in shares of a person's height, with the crown at y = 0, the soles at 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tower_animatic.paint import Pixels, Points, curve, outline, translate


@dataclass(frozen=True)
class BodyPart:
    """One piece of cloth, hair or skin."""

    outline: Pixels
    colour_key: str
    """Key of the person's colours: hair, skin, coat, trim, legs, shoes or dark."""
    sway: float = 0.0
    """Swing of the lower end, in shares of the height."""
    folds: tuple[Pixels, ...] = ()
    rim: float = 1.0


@dataclass(frozen=True)
class Stride:
    """A moment of a walk: the lift of each foot (0…1) and the swing of arms and coat (-1…1)."""

    left: float = 0.0
    right: float = 0.0
    swing: float = 0.0

    @classmethod
    def at_phase(cls, phase: float) -> Stride:
        """The stride at `phase` (0…1) of a double step."""
        turn = 2 * math.pi * phase
        return cls(max(0.0, math.sin(turn)), max(0.0, -math.sin(turn)), math.cos(turn))


def make_coat(stride: Stride, *, hem: float, flare: float, shoulders: float) -> BodyPart:
    s, swing = shoulders, 0.012 * stride.swing
    right = [
        (0.024, 0.152),
        (0.05, 0.163),
        (s * 0.82, 0.176),
        (s * 0.97, 0.190),
        (s * 1.0, 0.22),
        (s * 0.90, 0.29),
        (s * 0.76, 0.375),
        (s * 0.82, 0.45),
    ]
    left = [(-x, y) for x, y in reversed(right)]
    low = [
        (flare + swing, hem),
        (flare * 0.5 + swing, hem + 0.012),
        (0.004 + swing, hem + 0.004),
        (-0.004 + swing, hem + 0.004),
        (-flare * 0.5 + swing, hem + 0.012),
        (-flare + swing, hem),
    ]
    folds = (
        np.array([(0, 0.19), (0.002, 0.36), (swing, hem)]),
        np.array([(s * 0.5, 0.40), (flare * 0.55 + swing, hem)]),
        np.array([(-s * 0.45, 0.40), (-flare * 0.6 + swing, hem)]),
    )
    return BodyPart(smooth_outline([*right, *low, *left]), "coat", sway=0.013 * hem, folds=folds)


def make_arms(stride: Stride, *, shoulders: float, hands: bool = False) -> list[BodyPart]:
    """Both arms: bent with the hands in the pockets, or with `hands` hanging at the sides."""
    parts = []
    for side in (-1, 1):
        s, k = shoulders, 0.022 * stride.swing * side
        if hands:
            x = np.array([0.82, 1.00, 1.09, 1.15, 1.19, 1.17, 1.00, 0.98, 0.94, 0.84]) * s
            y = np.array([0.180, 0.196, 0.23, 0.32, 0.40 + k, 0.452 + k, 0.452 + k, 0.39 + k, 0.32, 0.24])
            hand = np.array(outline("1.02,0.445 1.15,0.445 1.17,0.475 1.12,0.497 1.05,0.492 1.01,0.47")) * (s * side, 1)
            parts.append(BodyPart(smooth_outline(translate(hand, 0, k)), "skin"))
        else:
            x = np.array([0.80, 0.99, 1.09, 1.19, 1.27, 1.22, 1.02, 0.86, 0.84, 1.00, 0.96, 0.84]) * s
            y = np.array([0.178, 0.192, 0.215, 0.275, 0.345, 0.395, 0.445 + k, 0.462 + k, 0.425 + k, 0.365, 0.30, 0.24])
        parts.append(BodyPart(smooth_outline(np.stack([x * side, y], 1)), "coat", rim=0.9))
    return parts


def make_legs(stride: Stride, *, width: float, top: float = 0.46, bare: bool = False) -> list[BodyPart]:
    parts = []
    for side, lift in ((-1, stride.left), (1, stride.right)):
        x, ankle = 0.040 * side, 0.945 - 0.060 * lift
        knee = 0.71 - 0.012 * lift
        leg = np.array(
            [
                (x - width * 1.1, top),
                (x - width, knee),
                (x - width * 0.78, knee + 0.09),
                (x - width * 0.62, ankle),
                (x + width * 0.62, ankle),
                (x + width * 0.78, knee + 0.09),
                (x + width, knee),
                (x + width * 1.1, top),
            ]
        )
        if bare:
            parts.append(BodyPart(smooth_outline(leg), "skin"))
            sock = np.array(
                [
                    (x - width * 0.98, knee - 0.035),
                    (x - width * 0.8, knee + 0.09),
                    (x - width * 0.62, ankle),
                    (x + width * 0.62, ankle),
                    (x + width * 0.8, knee + 0.09),
                    (x + width * 0.98, knee - 0.035),
                ]
            )
            parts.append(make_part(sock, "dark"))
        else:
            parts.append(BodyPart(smooth_outline(leg), "legs"))
    return [*parts, *make_feet(stride)]


def make_feet(stride: Stride) -> list[BodyPart]:
    feet = []
    for side, lift in ((-1, stride.left), (1, stride.right)):
        x, y = 0.042 * side, -0.055 * lift
        sole = 0.995 + y + 0.020 * lift
        feet.append(
            BodyPart(
                smooth_outline(
                    [
                        (x - 0.024, 0.93 + y),
                        (x + 0.024, 0.93 + y),
                        (x + 0.029 + 0.004 * side, sole - 0.015),
                        (x + 0.022, sole),
                        (x - 0.022, sole),
                        (x - 0.029 + 0.004 * side, sole - 0.015),
                    ]
                ),
                "shoes",
            )
        )
    return feet


def make_scarf(stride: Stride) -> BodyPart:
    swing = 0.02 * stride.swing
    wrap = [
        (-0.050, 0.142),
        (-0.02, 0.130),
        (0.02, 0.130),
        (0.050, 0.142),
        (0.055, 0.172),
        (0.042, 0.188),
        (0.070 + swing, 0.27),
        (0.064 + swing, 0.35),
        (0.028 + swing, 0.345),
        (0.030, 0.26),
        (0.012, 0.196),
        (-0.042, 0.188),
        (-0.055, 0.172),
    ]
    return BodyPart(
        smooth_outline(wrap), "trim", sway=0.022, folds=(np.array([(-0.045, 0.165), (0, 0.172), (0.046, 0.163)]),)
    )


def make_short_hair(fringe: float) -> list[BodyPart]:
    """Tousled hair with spikes; `fringe` shifts them."""
    count = 13
    angle = np.linspace(-0.18 * np.pi, 1.18 * np.pi, count * 2)
    spike = np.where(
        np.arange(count * 2) % 2, 1.0, 1.17 + 0.10 * np.sin(np.arange(count * 2) * (1.3 + fringe) + 6 * fringe)
    )
    x, y = -np.cos(angle) * 0.056 * spike, 0.070 - np.sin(angle) * 0.066 * spike
    nape = outline(
        """0.052,0.1 0.04,0.15 0.026,0.128 0.01,0.16 -0.006,0.132 -0.024,0.154 -0.034,0.128 -0.05,0.135
-0.052,0.1"""
    )
    edge = np.vstack([np.stack([x, y], 1), nape])
    strands = (
        np.array([(0.0, 0.0), (0.012, 0.06), (0.008, 0.13)]),
        np.array([(-0.02, 0.012), (-0.034, 0.07), (-0.026, 0.12)]),
        np.array([(0.026, 0.016), (0.040, 0.07)]),
    )
    return [BodyPart(edge.astype(np.float32), "hair", sway=0.004, folds=strands)]


def make_part(points: Points, paint: str, rim: float = 1.0) -> BodyPart:
    return BodyPart(np.asarray(points, np.float32), paint, rim=rim)


def smooth_outline(points: Points) -> Pixels:
    return curve(points, 6, closed=True)


def cloth_outline(points: Points) -> Pixels:
    """An outline like cut cloth: straight edges and slightly rounded corners."""
    p = np.asarray(points, np.float32)
    before, after = np.roll(p, 1, axis=0), np.roll(p, -1, axis=0)
    rounded = np.stack(
        [p + (before - p) * 0.22, p + (before - p) * 0.05 + (after - p) * 0.05, p + (after - p) * 0.22], 1
    )
    flat: Pixels = rounded.reshape(-1, 2)
    return flat
