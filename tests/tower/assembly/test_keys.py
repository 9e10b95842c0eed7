"""Keys of films and clips: those of cuts without an effect are as they were before there were effects."""

from __future__ import annotations

import uuid
from dataclasses import fields, replace
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
from tower.assembly.keys import content_key, film_key
from tower.assembly.master import master_key

TAKE = MediaFile(Path("take.mp4"), "a" * 64)
SHOT = Shot(uuid.UUID(int=1), "One", TAKE, 0, 48, speed=Fraction(2), sound=SoundRule.KEEP)
PLAIN = EpisodeCut(FilmForm(128, 96, Fraction(24)), (SHOT, Card(CardKind.END, ("Fin",), 12)), (CUT,))


def test_a_cut_without_effects_has_the_keys_of_one_from_before_there_were_effects() -> None:
    shot = {field.name: getattr(SHOT, field.name) for field in fields(SHOT) if field.name != "effect"}
    cut = {field.name: getattr(PLAIN, field.name) for field in fields(PLAIN)}
    assert film_key(PLAIN) == content_key("film", cut | {"items": (shot, PLAIN.items[1])}, None)
    clip = (TAKE, SHOT.first_frame, SHOT.source_frames, SHOT.speed)
    assert plan_clips(PLAIN, ())[0].key == content_key("clip", PLAIN.form, clip, 0, 0, ())


def test_an_effect_changes_the_film_and_its_clip_and_not_the_sound() -> None:
    zoomed = replace(PLAIN, items=(replace(SHOT, effect=Effect(EffectKind.ZOOM_IN, 1.2)), PLAIN.items[1]))
    more = replace(PLAIN, items=(replace(SHOT, effect=Effect(EffectKind.ZOOM_IN, 1.3)), PLAIN.items[1]))
    assert len({film_key(cut) for cut in (PLAIN, zoomed, more)}) == 3
    clips = [[plan.key for plan in plan_clips(cut, ())] for cut in (PLAIN, zoomed, more)]
    assert len({first for first, _ in clips}) == 3
    assert len({card for _, card in clips}) == 1
    assert master_key(zoomed) == master_key(PLAIN)
