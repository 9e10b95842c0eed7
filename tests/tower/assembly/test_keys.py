"""Keys of films and clips: those of cuts without an effect are as they were before there were effects."""

from __future__ import annotations

import uuid
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from tower.assembly.clips import plan_clips
from tower.assembly.cut import (
    CUT,
    Card,
    CardKind,
    Effect,
    EffectKind,
    EpisodeCut,
    FilmForm,
    MediaFile,
    Shot,
    SoundRule,
)
from tower.assembly.keys import film_key
from tower.assembly.master import master_key

TAKE = MediaFile(Path("take.mp4"), "a" * 64)
SHOT = Shot(uuid.UUID(int=1), "One", TAKE, 0, 48, speed=Fraction(2), sound=SoundRule.KEEP)
PLAIN = EpisodeCut(FilmForm(128, 96, Fraction(24)), (SHOT, Card(CardKind.END, ("Fin",), 12)), (CUT,))


def test_a_cut_without_effects_has_the_keys_of_earlier_versions() -> None:
    assert film_key(PLAIN) == "38cd5a3f588e3e9285c9c2167249b698f2fb4d20871ddd8afe77f71f5b8688d5"
    assert [plan.key for plan in plan_clips(PLAIN, ())] == [
        "2a0bd18a63de465fb814ce9f1dd236b2705ab74e0e311e4c06e4df6711a42419",
        "bf83a9c88459adcfb0bf0674fcc0d0c30a50455bb866ba91558019e7f40edf7e",
    ]


def test_an_effect_changes_the_film_and_its_clip_and_not_the_sound() -> None:
    zoomed = replace(PLAIN, items=(replace(SHOT, effect=Effect(EffectKind.ZOOM_IN, 1.2)), PLAIN.items[1]))
    more = replace(PLAIN, items=(replace(SHOT, effect=Effect(EffectKind.ZOOM_IN, 1.3)), PLAIN.items[1]))
    assert len({film_key(cut) for cut in (PLAIN, zoomed, more)}) == 3
    clips = [[plan.key for plan in plan_clips(cut, ())] for cut in (PLAIN, zoomed, more)]
    assert len({first for first, _ in clips}) == 3
    assert len({card for _, card in clips}) == 1
    assert master_key(zoomed) == master_key(PLAIN)
