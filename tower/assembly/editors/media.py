"""Which file an editing program shows for each item: the take, or the clip that was rendered from it for the film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition

from tower.assembly.cut import EpisodeCut, Item, Shot
from tower.errors import InvalidError
from tower.library.reading import open_music
from tower.media.decode import MediaUnreadableError, open_container, open_regular_file
from tower.media.rates import exact_rate


@dataclass(frozen=True)
class FileFacts:
    """A media file, read from its header. `rate`, `frames` and `size` are None for a file without pictures."""

    path: Path
    seconds: float
    rate: Fraction | None
    frames: int | None
    size: tuple[int, int] | None
    has_sound: bool

    def frames_at(self, fps: Fraction) -> int:
        """Its length in whole frames of a rate."""
        if self.frames is not None and self.rate is not None:
            return round(self.frames * fps / self.rate)
        return int(self.seconds * fps)


@dataclass(frozen=True)
class ItemSource:
    """The file of an item. The item starts at `first_frame` of it, counted at the film's rate, and plays at `speed`.

    `file` is None for a card that was not rendered. `is_rendered`: the file has exactly the frames of the item.
    """

    name: str
    item: Item
    file: FileFacts | None
    first_frame: int
    speed: Fraction
    is_rendered: bool
    take: FileFacts | None = None


def find_sources(cut: EpisodeCut, clips: Mapping[int, Path]) -> list[ItemSource]:
    """`clips` has rendered clips by the number of the item; one is used where the take does not fit the film.

    Raises InvalidError, which names the item, for a file that cannot be read or is too short.
    """
    known: dict[Path, FileFacts] = {}
    return [_find_source(cut, number, clips.get(number), known) for number in range(len(cut.items))]


def read_sound_facts(path: Path, name: str) -> FileFacts:
    """The facts of a file with sound. Raises InvalidError, which names the part `name`."""
    with _refusing(path, name), open_regular_file(path) as file, open_music(file, path.name) as container:
        return _facts(path, container)


def fits_film(cut: EpisodeCut, shot: Shot, take: FileFacts) -> bool:
    """Whether the take can be shown as it is."""
    return (
        shot.speed == 1
        and shot.effect is None
        and take.rate == cut.form.fps
        and take.size == (cut.form.width, cut.form.height)
    )


def _find_source(cut: EpisodeCut, number: int, clip: Path | None, known: dict[Path, FileFacts]) -> ItemSource:
    item, name = cut.items[number], f"items.{number}"
    take = None
    if isinstance(item, Shot):
        take = _read_take(cut, item, name, known)
        if clip is None or fits_film(cut, item, take):
            return ItemSource(name, item, take, item.first_frame, item.speed, is_rendered=False, take=take)
    if clip is None:
        return ItemSource(name, item, None, 0, Fraction(1), is_rendered=False)
    rendered = _read_facts(clip, f"{name}.clip", known)
    if rendered.frames != item.frames or rendered.rate != cut.form.fps:
        expected = f"a clip of {item.frames} frames at {cut.form.fps} frames per second"
        raise InvalidError.field(f"{name}.clip", f"{rendered.frames} frames at {rendered.rate}", expected)
    return ItemSource(name, item, rendered, 0, Fraction(1), is_rendered=True, take=take)


def _read_take(cut: EpisodeCut, shot: Shot, name: str, known: dict[Path, FileFacts]) -> FileFacts:
    take = _read_facts(shot.take.path, f"{name}.take", known)
    if take.frames is None:
        raise InvalidError.field(f"{name}.take", str(take.path), "a file with pictures")
    end, length = shot.first_frame + shot.source_frames, take.frames_at(cut.form.fps)
    if end > length:
        raise InvalidError.field(f"{name}.source_frames", end, f"at most the {length} frames of {take.path.name}")
    return take


def _read_facts(path: Path, name: str, known: dict[Path, FileFacts]) -> FileFacts:
    """The facts of a file with pictures, which `known` keeps. Raises InvalidError, which names the part `name`."""
    if path not in known:
        with _refusing(path, name), open_container(path) as container:
            known[path] = _facts(path, container)
    return known[path]


@contextmanager
def _refusing(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except MediaUnreadableError as error:
        raise InvalidError.field(name, str(path), f"a media file that can be read ({error.message})") from error


def _facts(path: Path, container: InputContainer) -> FileFacts:
    seconds = (container.duration or 0) / av.time_base
    has_sound = bool(container.streams.audio)
    pictures = next((one for one in container.streams.video if not one.disposition & Disposition.attached_pic), None)
    if pictures is None or not pictures.average_rate:
        return FileFacts(path, seconds, None, None, None, has_sound)
    rate = exact_rate(pictures.average_rate)
    frames = pictures.frames or round(seconds * rate)
    return FileFacts(path, seconds, rate, frames, (pictures.width, pictures.height), has_sound)
