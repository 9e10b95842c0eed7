"""The clothes of each kind of person."""

from __future__ import annotations

import numpy as np

from tower_animatic.figures.garments import (
    BodyPart,
    Stride,
    cloth_outline,
    make_arms,
    make_coat,
    make_feet,
    make_legs,
    make_part,
    make_scarf,
    make_short_hair,
    smooth_outline,
)
from tower_animatic.paint import outline


def dress_figure(kind: str, stride: Stride, fringe: float) -> list[BodyPart]:
    """The parts of a person from the back to the front. `fringe` (0…1) varies the hair."""
    if kind == "girl":
        return _girl(stride, fringe)
    tailor = {"detective": _detective, "samurai": _samurai, "kimono": _kimono}.get(kind)
    return tailor(stride) if tailor else _wanderer(stride, fringe)


def _wanderer(stride: Stride, fringe: float) -> list[BodyPart]:
    """A traveller in a knee-length coat with a scarf."""
    return [
        *make_legs(stride, width=0.032),
        make_coat(stride, hem=0.60, flare=0.112, shoulders=0.106),
        *make_arms(stride, shoulders=0.106),
        make_part([(-0.02, 0.12), (0.02, 0.12), (0.026, 0.17), (-0.026, 0.17)], "skin"),
        make_scarf(stride),
        *make_short_hair(fringe),
    ]


def _detective(stride: Stride) -> list[BodyPart]:
    """A long trench coat with a belt and its collar up, and a hat."""
    belt = [(-0.083, 0.365), (0.083, 0.365), (0.084, 0.388), (-0.084, 0.388)]
    cape = smooth_outline(
        outline(
            """-0.108,0.195 -0.06,0.16 0,0.152 0.06,0.16 0.108,0.195 0.1,0.255 0.045,0.278 0,0.284 -0.045,0.278
-0.1,0.255"""
        )
    )
    collar = outline(
        """-0.062,0.178 -0.046,0.118 -0.012,0.134 0.012,0.134 0.046,0.118 0.062,0.178 0.03,0.192 -0.03,0.192"""
    )
    hair = smooth_outline(
        outline("""-0.05,0.05 0,0.03 0.05,0.05 0.053,0.1 0.035,0.137 0,0.143 -0.035,0.137 -0.053,0.1""")
    )
    brim = smooth_outline(
        outline(
            """-0.098,0.07 -0.06,0.06 0,0.056 0.06,0.06 0.098,0.07 0.075,0.086 0.03,0.092 -0.03,0.092 -0.075,0.086"""
        )
    )
    crown = smooth_outline(
        outline(
            """-0.057,0.068 -0.053,0.02 -0.036,-0.012 -0.012,-0.014 0,-0.006 0.012,-0.014 0.036,-0.012 0.053,0.02
0.057,0.068 0,0.076"""
        )
    )
    band = outline("-0.0575,0.066 -0.0565,0.046 0,0.05 0.0565,0.046 0.0575,0.066 0,0.074")
    return [
        *make_legs(stride, width=0.031),
        make_coat(stride, hem=0.76, flare=0.132, shoulders=0.112),
        *make_arms(stride, shoulders=0.112),
        BodyPart(cape, "coat", rim=0.8),
        make_part(belt, "dark", rim=0.6),
        BodyPart(hair, "hair"),
        make_part(collar, "coat"),
        BodyPart(brim, "trim"),
        BodyPart(crown, "trim"),
        make_part(band, "dark", rim=0.2),
    ]


def _samurai(stride: Stride) -> list[BodyPart]:
    """Wide trousers, a sleeveless coat, a sword at the hip, hair tied high."""
    swing = 0.01 * stride.swing
    hakama = smooth_outline(
        [
            (-0.072, 0.43),
            (0.072, 0.43),
            (0.112, 0.62),
            (0.150 + swing, 0.935),
            (0.08, 0.955),
            (0.012, 0.94),
            (0, 0.80),
            (-0.012, 0.94),
            (-0.08, 0.955),
            (-0.150 + swing, 0.935),
            (-0.112, 0.62),
        ]
    )
    pleats = tuple(
        np.array([(x * 0.5, 0.45), (x * 0.8, 0.68), (x + swing, 0.93)]) for x in (-0.10, -0.055, 0.055, 0.10)
    )
    haori = cloth_outline(
        outline(
            """-0.036,0.148 0.036,0.148 0.1,0.168 0.128,0.186 0.118,0.32 0.096,0.4 0.112,0.555 0.004,0.562
-0.004,0.562 -0.112,0.555 -0.096,0.4 -0.118,0.32 -0.128,0.186 -0.1,0.168"""
        )
    )
    sleeve = np.array(outline("""0.098,0.18 0.128,0.186 0.172,0.3 0.196,0.352 0.186,0.475 0.108,0.48 0.112,0.36"""))
    blade = [(0.06, 0.452), (0.07, 0.438), (0.345, 0.572), (0.338, 0.584)]
    hilt = [(-0.075, 0.366), (-0.069, 0.352), (0.02, 0.408), (0.013, 0.423)]
    tail = smooth_outline(
        outline(
            """-0.008,-0.004 0.01,-0.018 0.045,-0.005 0.06,0.06 0.05,0.135 0.064,0.195 0.036,0.165 0.026,0.09
0.018,0.03"""
        )
    )
    head = smooth_outline(
        outline(
            """-0.05,0.06 -0.04,0.018 0,0.002 0.04,0.018 0.05,0.06 0.044,0.105 0.024,0.134 -0.024,0.134
-0.044,0.105"""
        )
    )
    return [
        *make_feet(stride),
        BodyPart(hakama, "legs", sway=0.008, folds=pleats),
        make_part(blade, "dark"),
        BodyPart(cloth_outline(sleeve), "coat", sway=0.006),
        BodyPart(cloth_outline(sleeve * (-1, 1)), "coat", sway=0.006),
        BodyPart(haori, "coat", sway=0.006, folds=(np.array([(0, 0.2), (0.003, 0.38), (0, 0.55)]),)),
        make_part(hilt, "trim"),
        make_part([(-0.02, 0.125), (0.02, 0.125), (0.03, 0.16), (-0.03, 0.16)], "skin"),
        BodyPart(head, "hair"),
        BodyPart(tail, "hair", sway=0.012),
        make_part([(-0.012, 0.004), (0.016, -0.012), (0.022, 0.006), (-0.004, 0.018)], "trim"),
    ]


def _kimono(stride: Stride) -> list[BodyPart]:
    robe = smooth_outline(
        outline(
            """-0.03,0.155 0.03,0.155 0.088,0.182 0.098,0.26 0.074,0.38 0.088,0.52 0.086,0.75 0.078,0.955 0,0.962
-0.078,0.955 -0.086,0.75 -0.088,0.52 -0.074,0.38 -0.098,0.26 -0.088,0.182"""
        )
    )
    sleeve = cloth_outline(
        outline("""0.07,0.175 0.092,0.186 0.128,0.3 0.152,0.345 0.158,0.555 0.088,0.57 0.084,0.4 0.078,0.3""")
    )
    sash = [(-0.083, 0.315), (0.083, 0.315), (0.080, 0.425), (-0.080, 0.425)]
    bow = smooth_outline(
        outline(
            """-0.008,0.352 -0.055,0.312 -0.078,0.345 -0.062,0.402 -0.01,0.384 -0.028,0.47 0,0.48 0.028,0.47
0.01,0.384 0.062,0.402 0.078,0.345 0.055,0.312 0.008,0.352"""
        )
    )
    nape = outline("-0.022,0.115 0.022,0.115 0.034,0.165 0,0.182 -0.034,0.165")
    hair = smooth_outline(
        outline("""-0.055,0.07 -0.048,0.025 0,0.004 0.048,0.025 0.055,0.07 0.042,0.112 0,0.128 -0.042,0.112""")
    )
    bun = smooth_outline(outline("-0.036,0.012 -0.03,-0.022 0,-0.036 0.03,-0.022 0.036,0.012 0,0.026"))
    pin = [(-0.062, -0.022), (-0.058, -0.028), (0.056, 0.012), (0.052, 0.018)]
    fold = (
        np.array([(0.02, 0.44), (0.03, 0.7), (0.024, 0.95)]),
        np.array([(-0.04, 0.5), (-0.045, 0.75), (-0.04, 0.95)]),
    )
    return [
        *make_feet(stride),
        BodyPart(robe, "coat", sway=0.003, folds=fold),
        BodyPart(sleeve, "coat", sway=0.008),
        BodyPart(sleeve * (-1, 1), "coat", sway=0.008),
        make_part(sash, "trim"),
        BodyPart(bow, "trim", sway=0.003),
        make_part(nape, "skin"),
        BodyPart(hair, "hair"),
        BodyPart(bun, "hair"),
        make_part(pin, "trim"),
    ]


def _girl(stride: Stride, fringe: float) -> list[BodyPart]:
    """A jacket, a pleated skirt, long hair in the wind."""
    swing = 0.008 * stride.swing
    skirt = np.array(
        [
            (-0.062, 0.385),
            (0.062, 0.385),
            (0.116 + swing, 0.565),
            (0.08, 0.578),
            (0.04, 0.572),
            (0, 0.582),
            (-0.04, 0.572),
            (-0.08, 0.578),
            (-0.116 + swing, 0.565),
        ]
    )
    pleats = tuple(np.array([(x * 0.52, 0.40), (x, 0.57)]) for x in (-0.09, -0.055, -0.02, 0.02, 0.055, 0.09))
    length = 0.36 + 0.14 * fringe
    hair = smooth_outline(
        [
            (-0.062, 0.07),
            (-0.052, 0.022),
            (0, -0.006),
            (0.052, 0.022),
            (0.062, 0.07),
            (0.071, 0.16),
            (0.088, 0.28),
            (0.078, length - 0.03),
            (0.094, length + 0.03),
            (0.052, length),
            (0.040, length + 0.045),
            (0.010, length + 0.01),
            (-0.012, length + 0.05),
            (-0.036, length + 0.005),
            (-0.066, length + 0.035),
            (-0.070, length - 0.04),
            (-0.084, 0.27),
            (-0.070, 0.16),
        ]
    )
    strands = tuple(
        np.array([(x * 0.35, 0.03), (x * 0.8, 0.15), (x, 0.30), (x * 1.04, length)])
        for x in (-0.052, -0.022, 0.012, 0.045)
    )
    ribbon = smooth_outline(
        outline("""0,0.06 -0.034,0.036 -0.042,0.062 -0.034,0.088 0,0.07 0.034,0.088 0.042,0.062 0.034,0.036""")
    )
    return [
        *make_legs(stride, width=0.024, top=0.5, bare=True),
        BodyPart(skirt, "legs", sway=0.008, folds=pleats),
        make_coat(stride, hem=0.435, flare=0.076, shoulders=0.084),
        *make_arms(stride, shoulders=0.084, hands=True),
        BodyPart(hair, "hair", sway=0.020, folds=strands),
        BodyPart(ribbon, "trim", rim=0.6),
    ]
