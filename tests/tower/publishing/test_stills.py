"""The picture of an episode and the poster of its series."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tower.publishing.films import write_film
from tower.publishing.stills import MAX_MOMENTS, Moment, Picture, write_stills


def read(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=3)


def test_the_moment_with_the_most_contrast_is_chosen_whatever_the_order(film: Path, tmp_path: Path) -> None:
    moments = [Moment(film, second + 0.5) for second in range(3)]
    alone = [write_stills([moment], _folder(tmp_path / str(moment.time_s))) for moment in moments]
    pictures = [read(one.thumb) for one in alone if one]
    contrasts = [float(np.std(picture.astype(float), axis=(0, 1)).sum()) for picture in pictures]
    best = pictures[int(np.argmax(contrasts))]
    for number, order in enumerate((moments, moments[::-1])):
        stills = write_stills(order, _folder(tmp_path / f"all-{number}"))
        assert stills is not None
        assert np.array_equal(read(stills.thumb), best)
        assert read(stills.poster).shape == (96, 64, 3)


def test_what_cannot_be_read_is_passed_over(film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    unreadable = [Moment(broken, 0.0), Moment(tmp_path / "gone.mp4", 0.0)]
    assert write_stills(unreadable, tmp_path) is None
    assert write_stills([*unreadable, Moment(film, 99.0)], tmp_path) is not None


def test_a_long_film_is_looked_at_in_few_places(film: Path, tmp_path: Path) -> None:
    moments = [Moment(tmp_path / "gone.mp4", 0.0)] * 500 + [Moment(film, 1.5)]
    assert write_stills(moments, tmp_path) is not None
    assert MAX_MOMENTS < 20


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
