"""The cut of an episode: where its items stand, and what is refused."""

from __future__ import annotations

import uuid
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tower.assembly.cut import (
    CUT,
    Card,
    CardKind,
    Chapter,
    Effect,
    EffectKind,
    EpisodeCut,
    FilmForm,
    MediaFile,
    Shot,
    Transition,
    TransitionKind,
    check_cut,
)
from tower.errors import InvalidError

FORM = FilmForm(256, 256, Fraction(24))
TAKE = MediaFile(Path("/take.mp4"), "a" * 64)
SHOT = Shot(uuid.uuid4(), "One", TAKE, first_frame=0, source_frames=48)
DISSOLVE = Transition(TransitionKind.DISSOLVE, 12)
FADE = Transition(TransitionKind.FADE, 24)


def cut_of(*shots: Shot | Card, transitions: tuple[Transition, ...]) -> EpisodeCut:
    return EpisodeCut(FORM, shots, transitions)


def test_a_dissolve_shortens_the_film_and_a_fade_does_not() -> None:
    cut = cut_of(SHOT, SHOT, SHOT, transitions=(DISSOLVE, FADE))
    check_cut(cut)
    assert (cut.starts, cut.frames, cut.duration_s) == ((0, 36, 84), 132, 5.5)


def test_speed_changes_the_frames_of_a_shot() -> None:
    speeds = [Fraction(1, 2), Fraction(2), Fraction(5, 3)]
    assert [replace(SHOT, speed=speed).frames for speed in speeds] == [96, 24, 29]


def test_a_freeze_makes_a_shot_longer_and_other_effects_do_not() -> None:
    frozen = replace(SHOT, speed=Fraction(2), effect=Effect(EffectKind.FREEZE, frames=12))
    assert (frozen.moving_frames, frozen.frames) == (24, 36)
    assert replace(SHOT, effect=Effect(EffectKind.FLASH, frames=12)).frames == 48


def test_a_single_card_is_a_film() -> None:
    cut = cut_of(Card(CardKind.TITLE, ("Neon Rain",), 72), transitions=())
    check_cut(cut)
    assert (cut.starts, cut.frames) == ((0,), 72)


@pytest.mark.parametrize(
    ("cut", "field"),
    [
        (cut_of(transitions=()), "items"),
        (cut_of(SHOT, SHOT, transitions=()), "transitions"),
        (cut_of(replace(SHOT, speed=Fraction(5)), transitions=()), "items.0.speed"),
        (cut_of(replace(SHOT, effect=Effect(EffectKind.ZOOM_IN, 3.0)), transitions=()), "items.0.effect.scale"),
        (cut_of(replace(SHOT, effect=Effect(EffectKind.FREEZE)), transitions=()), "items.0.effect.frames"),
        (
            cut_of(replace(SHOT, effect=Effect(EffectKind.FLASH, 1.0, 48, 2)), transitions=()),
            "items.0.effect.start_frame",
        ),
        (cut_of(replace(SHOT, first_frame=-1), transitions=()), "items.0.first_frame"),
        (cut_of(SHOT, SHOT, transitions=(Transition(TransitionKind.CUT, 3),)), "transitions.0.frames"),
        (cut_of(SHOT, SHOT, transitions=(Transition(TransitionKind.FADE, 0),)), "transitions.0.frames"),
        (cut_of(SHOT, replace(SHOT, source_frames=20), SHOT, transitions=(DISSOLVE, DISSOLVE)), "items.1"),
        (replace(cut_of(SHOT, SHOT, transitions=(CUT,)), chapters=(Chapter(96, "x"),)), "chapters.0.start_frame"),
    ],
)
def test_a_cut_that_cannot_be_made_is_refused_by_name(cut: EpisodeCut, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_cut(cut)
    assert caught.value.details is not None
    assert caught.value.details["field"] == field
