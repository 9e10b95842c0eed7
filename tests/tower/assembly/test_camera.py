"""Where a moving camera stands, and that it moves between pixels."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from tower.assembly.camera import Pixels, View, show_view, view_of
from tower.assembly.cut import Effect, EffectKind

FRAMES = 24


def views(effect: Effect) -> list[View]:
    return [view_of(effect, number, frames=FRAMES, fps=24.0) for number in range(FRAMES)]


def centre(picture: Pixels) -> tuple[float, float]:
    """The middle of what is bright."""
    light = picture[:, :, 0].astype(float)
    y, x = np.mgrid[0 : light.shape[0], 0 : light.shape[1]]
    return float((light * x).sum() / light.sum()), float((light * y).sum() / light.sum())


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        (EffectKind.ZOOM_IN, View(1.0), View(1.5)),
        (EffectKind.ZOOM_OUT, View(1.5), View(1.0)),
        (EffectKind.PAN_LEFT, View(1.5, 1.0), View(1.5, 0.0)),
        (EffectKind.PAN_RIGHT, View(1.5, 0.0), View(1.5, 1.0)),
        (EffectKind.PAN_UP, View(1.5, 0.5, 1.0), View(1.5, 0.5, 0.0)),
        (EffectKind.PAN_DOWN, View(1.5, 0.5, 0.0), View(1.5, 0.5, 1.0)),
    ],
)
def test_a_move_goes_from_its_first_view_to_its_last(kind: EffectKind, first: View, last: View) -> None:
    shown = views(Effect(kind, 1.5))
    assert (shown[0], shown[-1]) == (first, last)
    assert view_of(Effect(kind, 1.5), 0, frames=1, fps=24.0) == first


def test_a_shake_begins_with_a_blow_and_comes_to_rest() -> None:
    shown = views(Effect(EffectKind.SHAKE, 1.1, start_frame=6, frames=12))
    still = View(1.0)
    assert shown[:6] == [still] * 6
    assert shown[6] == View(1.1, 0.5, 1.0)
    assert all(before.scale > after.scale for before, after in pairwise(shown[6:18]))
    assert shown[18:] == [still] * 6
    assert all(0 <= view.x <= 1 and 0 <= view.y <= 1 for view in shown)


def test_a_slow_zoom_moves_a_point_evenly() -> None:
    """moviepy's own resizing jumps by more than half a pixel here."""
    picture = np.zeros((96, 128, 3), np.uint8)
    cv2.circle(picture, (80, 30), 6, (255, 255, 255), -1, cv2.LINE_AA)
    x, y = centre(picture)
    for view in views(Effect(EffectKind.ZOOM_IN, 1.2)):
        expected = (63.5 + (x - 63.5) * view.scale, 47.5 + (y - 47.5) * view.scale)
        assert centre(show_view(picture, view)) == pytest.approx(expected, abs=0.1)


def test_a_view_at_its_own_size_is_the_picture() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    assert np.array_equal(show_view(picture, View(1.0)), picture)
