"""The picture that stands for an episode: the frame of its film with the most contrast, made once for each film."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tower.films.cache import cache_folder
from tower.media.files import sha256_of, write_atomically
from tower.publishing.stills import MAX_MOMENTS, Moment, write_stills
from tower.settings import Settings


def make_poster(settings: Settings, film: Path, *, duration_s: float) -> Path | None:
    """Return the PNG of the film; None if no picture of it can be read. Equal films have equal pictures."""
    name = film.stem if len(film.stem) == 64 else sha256_of(film)
    target = cache_folder(settings) / "posters" / f"{name}.png"
    if target.is_file():  # its date stays, which is its ETag
        return target
    with TemporaryDirectory(prefix="tower-poster-") as folder:
        stills = write_stills(_list_moments(film, duration_s), Path(folder))
        if stills is None:
            return None
        with write_atomically(target) as part:
            shutil.copyfile(stills.thumb, part)
    return target


def _list_moments(film: Path, duration_s: float) -> list[Moment]:
    """Moments at equal distances, none at the edges."""
    step_s = duration_s / (MAX_MOMENTS + 1)
    return [Moment(film, step_s * number) for number in range(1, MAX_MOMENTS + 1)]
