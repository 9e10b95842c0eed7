"""Effects of the cut in frames of the film, with defaults for what is left out."""

from __future__ import annotations

import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest

from tower.assembly.cut import Effect, EffectKind, MediaFile, Shot
from tower.assembly.effect_plans import plan_effect
from tower.errors import InvalidError
from tower.versions.episode_cuts import EFFECT_PARAMETERS, EffectPart

SHOT = Shot(uuid.UUID(int=1), "One", MediaFile(Path("take.mp4"), "a" * 64), 0, 48, speed=Fraction(2))
FPS = Fraction(24)


def plan(**part: Any) -> Effect:
    return plan_effect("scenes.0.effect", EffectPart(**part), SHOT, FPS)


@pytest.mark.parametrize(
    ("part", "planned"),
    [
        ({"kind": "zoom_in"}, Effect(EffectKind.ZOOM_IN, 1.2)),
        ({"kind": "pan_left", "scale": 1.5}, Effect(EffectKind.PAN_LEFT, 1.5)),
        ({"kind": "shake"}, Effect(EffectKind.SHAKE, 1.08, 0, 12)),
        ({"kind": "flash", "at_seconds": 0.5, "seconds": 0.25}, Effect(EffectKind.FLASH, 1.0, 12, 6)),
        ({"kind": "flash", "at_seconds": 0.9, "seconds": 5}, Effect(EffectKind.FLASH, 1.0, 22, 2)),
        ({"kind": "freeze", "seconds": 2}, Effect(EffectKind.FREEZE, frames=48)),
        ({"kind": "mirror"}, Effect(EffectKind.MIRROR)),
    ],
)
def test_an_effect_is_planned_in_frames(part: dict[str, Any], planned: Effect) -> None:
    assert plan(**part) == planned


def test_an_effect_that_begins_after_its_shot_is_refused() -> None:
    with pytest.raises(InvalidError, match=r"scenes\.0\.effect\.at_seconds.* 1\.000 s"):
        plan(kind="shake", at_seconds=1)


def test_a_parameter_that_a_merge_brought_from_another_kind_is_skipped() -> None:
    assert plan(kind="mirror", scale=1.5, seconds=2) == Effect(EffectKind.MIRROR)


def test_every_kind_can_be_chosen_and_planned() -> None:
    chosen = get_args(EffectPart.model_fields["kind"].annotation)
    assert list(chosen) == [kind.value for kind in EffectKind] == list(EFFECT_PARAMETERS)
