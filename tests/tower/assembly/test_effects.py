"""Shots with an effect: exact in their frames, equal whenever they are made, and cached."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from tests.tower.assembly.golden import FORM, SIZE, named, read_frames, write_house_take
from tests.tower.media.numbered import draw_planes, read_number, read_shade
from tower.assembly.cut import CUT, Effect, EffectKind, EpisodeCut, MediaFile, Shot
from tower.assembly.effects import effect_frames
from tower.assembly.film import assemble

Planes = npt.NDArray[np.uint8]
FRAMES, SHADE = 12, 120
TAKE = MediaFile(Path("take.mp4"), "a" * 64)
EFFECTS = {
    EffectKind.ZOOM_IN: Effect(EffectKind.ZOOM_IN, 1.5),
    EffectKind.ZOOM_OUT: Effect(EffectKind.ZOOM_OUT, 1.5),
    EffectKind.PAN_LEFT: Effect(EffectKind.PAN_LEFT, 1.2),
    EffectKind.PAN_RIGHT: Effect(EffectKind.PAN_RIGHT, 1.2),
    EffectKind.PAN_UP: Effect(EffectKind.PAN_UP, 1.2),
    EffectKind.PAN_DOWN: Effect(EffectKind.PAN_DOWN, 1.2),
    EffectKind.SHAKE: Effect(EffectKind.SHAKE, 1.2, 4, 6),
    EffectKind.FLASH: Effect(EffectKind.FLASH, 1.0, 5, 4),
    EffectKind.BLACK_AND_WHITE: Effect(EffectKind.BLACK_AND_WHITE),
    EffectKind.MIRROR: Effect(EffectKind.MIRROR),
    EffectKind.FREEZE: Effect(EffectKind.FREEZE, frames=7),
}


def plain_frames() -> Iterator[VideoFrame]:
    for number in range(FRAMES):
        yield VideoFrame.from_ndarray(draw_planes(number, SHADE, SIZE), format="yuv420p")


def make(kind: EffectKind) -> list[Planes]:
    effect = EFFECTS[kind]
    shot = Shot(uuid.UUID(int=1), "One", TAKE, 0, FRAMES, effect=effect)
    return [np.asarray(frame.to_ndarray(), np.uint8) for frame in effect_frames(shot, effect, plain_frames(), FORM)]


@pytest.mark.parametrize("kind", list(EffectKind))
def test_a_shot_with_an_effect_has_its_frames_and_is_the_same_again(kind: EffectKind) -> None:
    shown = make(kind)
    assert len(shown) == FRAMES + (7 if kind is EffectKind.FREEZE else 0)
    assert all(np.array_equal(one, other) for one, other in zip(shown, make(kind), strict=True))


def test_a_flash_is_white_at_its_frame_and_fades_to_the_plain_picture() -> None:
    shades = [read_shade(frame) for frame in make(EffectKind.FLASH)]
    white = [SHADE, SHADE, SHADE, SHADE, SHADE, 235]
    assert shades == pytest.approx(
        [*white, *(235 - share * (235 - SHADE) / 4 for share in (1, 2, 3)), *white[:3]], abs=2
    )


def test_a_freeze_holds_the_last_picture() -> None:
    shown = make(EffectKind.FREEZE)
    assert [read_number(frame) for frame in shown[:FRAMES]] == list(range(FRAMES))
    assert all(np.array_equal(frame, shown[FRAMES - 1]) for frame in shown[FRAMES:])


def test_black_and_white_keeps_the_light_and_drops_the_colours() -> None:
    for frame, plain in zip(make(EffectKind.BLACK_AND_WHITE), plain_frames(), strict=True):
        assert np.abs(frame[SIZE[1] :].astype(int) - 128).max() <= 1
        assert frame[: SIZE[1]].mean() == pytest.approx(plain.to_ndarray()[: SIZE[1]].mean(), abs=2)


def test_a_mirror_swaps_the_sides() -> None:
    for frame, plain in zip(make(EffectKind.MIRROR), plain_frames(), strict=True):
        swapped = plain.to_ndarray()[: SIZE[1], ::-1].astype(int)
        assert np.abs(frame[: SIZE[1]].astype(int) - swapped).mean() < 2


def test_a_zoom_and_a_pan_begin_and_end_where_they_should() -> None:
    zoomed, panned = make(EffectKind.ZOOM_IN), make(EffectKind.PAN_DOWN)
    assert read_number(zoomed[0]) == read_number(panned[0]) == 0
    assert read_shade(zoomed[0]) == pytest.approx(SHADE, abs=2)
    shade_rows = [int((np.abs(frame[: SIZE[1], 64].astype(int) - SHADE) <= 2)[::-1].argmin()) for frame in panned]
    assert shade_rows == sorted(shade_rows)
    assert shade_rows[-1] == pytest.approx(SIZE[1] / 4 * 1.2, abs=2)


def test_a_film_encodes_an_effect_once_and_copies_what_is_beside_it(tmp_path: Path) -> None:
    take = named(write_house_take(tmp_path / "house.mp4", range(48), shade=60))
    shot = Shot(uuid.UUID(int=1), "One", take, 0, 48)
    frozen = Shot(uuid.UUID(int=2), "Two", take, 0, 24, effect=EFFECTS[EffectKind.FREEZE])
    cut = EpisodeCut(FORM, (shot, frozen, shot), (CUT, CUT))
    first = assemble(cut, tmp_path / "first.mp4", tmp_path / "cache")
    assert (first.clips_encoded, first.clips_as_they_are, first.frames) == (1, 2, 48 + 31 + 48)
    shown = [read_number(frame) for frame in read_frames(first.path)]
    assert shown == [*range(48), *range(24), *[23] * 7, *range(48)]
    again = assemble(cut, tmp_path / "second.mp4", tmp_path / "cache")
    assert (again.clips_encoded, again.clips_cached) == (0, 1)
    assert (tmp_path / "second.mp4").read_bytes() == first.path.read_bytes()
