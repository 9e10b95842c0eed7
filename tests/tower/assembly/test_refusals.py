"""What cannot be made into a film is refused with its name, and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tower.assembly.conftest import GoldenFilm
from tower.assembly.checking import check_film
from tower.assembly.cut import Chapter, EpisodeCut, MediaFile, Shot, SubtitleCue
from tower.assembly.errors import AssemblyError
from tower.assembly.film import assemble
from tower.assembly.master import make_master
from tower.assembly.progress import Progress
from tower.errors import InvalidError, TowerError

IDLE = Progress(lambda _: None, lambda: False)


def with_shot(golden: GoldenFilm, **changes: object) -> EpisodeCut:
    shot = golden.cut.items[1]
    assert isinstance(shot, Shot)
    changed = replace(shot, **changes)  # type: ignore[arg-type] # fields by name
    return EpisodeCut(golden.cut.form, (changed,), ())


def test_a_part_that_the_take_does_not_have_is_refused_by_name(golden: GoldenFilm, tmp_path: Path) -> None:
    with pytest.raises(InvalidError) as caught:
        assemble(with_shot(golden, source_frames=60), tmp_path / "film.mp4", tmp_path / "cache")
    assert "items.0.source_frames" in caught.value.message
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize("content", [None, b"", b"no film"])
def test_a_missing_or_broken_take_is_an_error_that_names_it(
    golden: GoldenFilm, tmp_path: Path, content: bytes | None
) -> None:
    take = tmp_path / "take.mp4"
    if content is not None:
        take.write_bytes(content)
    with pytest.raises(TowerError) as caught:
        assemble(with_shot(golden, take=MediaFile(take, "0" * 64)), tmp_path / "film.mp4", tmp_path / "cache")
    assert caught.value.message.startswith("items.0: ")
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("tags.colour", {"tags": {"colour": "red"}}),
        ("tags.title", {"tags": {"title": ""}}),
        ("tags.comment", {"tags": {"comment": "It is the place of the origin"}}),
        ("subtitles.0.language", {"subtitles": (SubtitleCue(0, 5, "Hi", language="en"),)}),
        ("chapters.0.start_frame", {"chapters": (Chapter(999, "Late"),)}),
        ("cover", {"cover": Path("/dev/null")}),
    ],
)
def test_what_the_file_cannot_hold_is_refused(
    golden: GoldenFilm, tmp_path: Path, field: str, change: dict[str, object]
) -> None:
    cut = replace(golden.cut, **change)  # type: ignore[arg-type] # fields by name
    with pytest.raises(InvalidError) as caught:
        assemble(cut, tmp_path / "film.mp4", golden.cache)
    assert caught.value.details is not None
    assert caught.value.details["field"] == field


@pytest.mark.parametrize(
    ("miss", "change"),
    [
        ("frames and not", {"items": ()}),
        ("chapters", {"chapters": (Chapter(7, "Another"),)}),
        ("tags title", {"tags": {"title": "Another"}}),
        ("tags comment", {"origin": "of another commit"}),
        ("covers", {"cover": None}),
        ("subtitles", {"subtitles": ()}),
    ],
)
def test_a_film_that_misses_a_promise_is_an_error_that_names_it(
    golden: GoldenFilm, miss: str, change: dict[str, object]
) -> None:
    if "items" in change:
        change = {"items": golden.cut.items[:-1], "transitions": golden.cut.transitions[:-1]}
    promised = replace(golden.cut, **change)  # type: ignore[arg-type] # fields by name
    sound = make_master(golden.cut, golden.cache, IDLE)
    with pytest.raises(AssemblyError) as caught:
        check_film(golden.path, promised, sound, IDLE)
    assert miss in caught.value.message
