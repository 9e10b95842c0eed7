"""Which packets of a take are copied into a film, and what is encoded beside them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.tower.assembly.golden import FORM, named, read_frames, write_house_take
from tests.tower.media.numbered import read_number
from tower.assembly.copies import Span, find_copy
from tower.assembly.cut import CUT, Card, CardKind, EpisodeCut, MediaFile, Shot, Transition, TransitionKind
from tower.assembly.film import assemble
from tower.media.clips import inspect_stream

FRAMES = 60


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> MediaFile:
    """A take whose IDR frames are 0, 4, 48 and 56."""
    return named(write_house_take(tmp_path_factory.mktemp("takes") / "take.mp4", range(FRAMES), shade=90))


@pytest.fixture
def shot(take: MediaFile) -> Shot:
    return Shot(uuid.UUID(int=1), "One", take, 0, FRAMES)


def test_a_whole_take_is_copied(shot: Shot) -> None:
    assert find_copy(shot, Span(0, FRAMES), FORM) == Span(0, FRAMES)


def test_a_take_is_described_alike_without_a_decoder(take: MediaFile) -> None:
    assert inspect_stream(take.path, 1, decodes=False) == inspect_stream(take.path, 1)


def test_a_copy_starts_at_an_idr_frame_and_ends_near_the_cut(shot: Shot) -> None:
    copied = find_copy(shot, Span(3, 41), FORM)
    assert copied is not None
    assert copied.start == 4
    assert 41 - 4 <= copied.end <= 41


def test_a_part_without_an_idr_frame_is_not_copied(shot: Shot) -> None:
    assert find_copy(shot, Span(10, 46), FORM) is None


def test_another_speed_or_a_part_beyond_the_take_is_not_copied(shot: Shot) -> None:
    assert find_copy(replace(shot, speed=Fraction(2)), Span(0, 30), FORM) is None
    assert find_copy(replace(shot, source_frames=FRAMES + 1), Span(0, 30), FORM) is None


def test_a_take_of_another_form_and_a_card_are_not_copied(shot: Shot) -> None:
    assert find_copy(shot, Span(0, FRAMES), replace(FORM, fps=Fraction(25))) is None
    assert find_copy(Card(CardKind.TITLE, ("One",), 12), Span(0, 12), FORM) is None


@pytest.mark.parametrize("part", [(0, 60), (0, 37), (2, 57), (3, 30), (4, 44), (1, 59)])
def test_every_frame_of_a_part_is_shown_once_between_transitions(
    take: MediaFile, part: tuple[int, int], tmp_path: Path
) -> None:
    first, end = part
    shots = tuple(Shot(uuid.UUID(int=number), "Part", take, first, end - first) for number in (1, 2))
    dissolve = Transition(TransitionKind.DISSOLVE, 12)
    result = assemble(EpisodeCut(FORM, shots, (dissolve,)), tmp_path / "film.mp4", tmp_path / "cache")
    frames = read_frames(result.path)
    shown = [read_number(frame) for frame in frames]
    assert len(shown) == 2 * (end - first) - 12
    assert shown[: end - first - 12] == list(range(first, end - 12))
    assert shown[end - first :] == list(range(first + 12, end))


def test_copied_frames_are_those_of_the_take(take: MediaFile, tmp_path: Path) -> None:
    shots = tuple(Shot(uuid.UUID(int=number), "Part", take, 2, 40) for number in (1, 2))
    result = assemble(EpisodeCut(FORM, shots, (CUT,)), tmp_path / "film.mp4", tmp_path / "cache")
    assert (result.clips_as_they_are, result.clips_encoded) == (2, 0)
    film, original = read_frames(result.path), read_frames(take.path)
    copied = find_copy(shots[0], Span(2, 42), FORM)
    assert copied is not None
    for start in (0, 40):
        for number in range(copied.start, copied.end):
            assert np.array_equal(film[start + number - 2], original[number])


def test_an_emptied_cache_is_filled_again(take: MediaFile, tmp_path: Path) -> None:
    cut = EpisodeCut(FORM, (Shot(uuid.UUID(int=1), "Part", take, 2, 40),), ())
    first = assemble(cut, tmp_path / "film.mp4", tmp_path / "cache").path.read_bytes()
    for file in (tmp_path / "cache" / "clips").glob("*.mp4"):
        file.unlink()
    assert assemble(cut, tmp_path / "again.mp4", tmp_path / "cache").path.read_bytes() == first
    for mark in (tmp_path / "cache" / "clips").glob("*.as-it-is"):
        mark.write_text("")
    assert assemble(cut, tmp_path / "third.mp4", tmp_path / "cache").path.read_bytes() == first
