"""Plans the effect of a scene: the choices of the author become frames, with a default for what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from tower.assembly.cut import Effect, EffectKind, Shot
from tower.errors import InvalidError
from tower.versions.episode_cuts import EFFECT_PARAMETERS, EffectPart

MOVE_SCALE, SHAKE_SCALE = 1.2, 1.08
SECONDS: Mapping[EffectKind, float] = {EffectKind.SHAKE: 0.5, EffectKind.FLASH: 0.3, EffectKind.FREEZE: 1.0}


def plan_effect(place: str, part: EffectPart, shot: Shot, fps: Fraction) -> Effect:
    """The effect of a shot in frames of the film. Raises InvalidError if it begins after the shot.

    A parameter that the kind does not have is skipped: a merge may have brought it from another kind.
    """
    kind, has = EffectKind(part.kind), EFFECT_PARAMETERS[part.kind]
    scale, start, frames = 1.0, 0, 0
    if "scale" in has:
        scale = part.scale or (SHAKE_SCALE if kind is EffectKind.SHAKE else MOVE_SCALE)
    if "at_seconds" in has:
        start = round((part.at_seconds or 0) * fps)
        if start >= shot.moving_frames:
            expected = f"less than the {float(shot.moving_frames / fps):.3f} s of the scene in the film"
            raise InvalidError.field(f"{place}.at_seconds", part.at_seconds, expected)
    if "seconds" in has:
        frames = max(1, round((part.seconds or SECONDS[kind]) * fps))
    if "at_seconds" in has:
        frames = min(frames, shot.moving_frames - start)
    return Effect(kind, scale, start, frames)
