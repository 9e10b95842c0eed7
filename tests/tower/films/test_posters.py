"""The picture of a film is made once."""

from __future__ import annotations

from pathlib import Path

import cv2

from tests.small_media import SIDE_PX, write_video
from tests.tower.scene_takes import ANIMATIC_SETTINGS
from tower.films.posters import make_poster


def test_a_film_has_one_picture(tmp_path: Path) -> None:
    settings = ANIMATIC_SETTINGS.model_copy(update={"data_dir": tmp_path / "data"})
    film = write_video(tmp_path / "film.mp4")
    picture = make_poster(settings, film, duration_s=2 / 24)
    assert picture is not None
    image = cv2.imread(str(picture))
    assert image is not None
    assert image.shape == (SIDE_PX, SIDE_PX, 3)
    made_at = picture.stat().st_ino
    assert make_poster(settings, film, duration_s=2 / 24) == picture
    assert picture.stat().st_ino == made_at


def test_a_file_without_pictures_has_none(tmp_path: Path) -> None:
    settings = ANIMATIC_SETTINGS.model_copy(update={"data_dir": tmp_path / "data"})
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    assert make_poster(settings, film, duration_s=1) is None
