"""The resolver follows the rules of the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.jellyfin.resolver import Series, find_season_number, resolve_library


def touch(root: Path, *names: str) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def resolve(root: Path, *names: str, version: str = "12.0") -> list[Series]:
    touch(root, *names)
    return resolve_library(root, version=version)


def test_a_folder_is_a_series_with_its_seasons_episodes_and_pictures(tmp_path: Path) -> None:
    stem = "Kai (2026)/Season 01/Kai (2026) S01E02"
    (series,) = resolve(tmp_path, f"{stem}.mp4", f"{stem}-thumb.jpg", f"{stem}.en.srt", "Kai (2026)/poster.jpg")
    (episode,) = series.episodes
    assert (episode.season, episode.number, episode.last_number) == (1, 2, None)
    assert episode.image == tmp_path / f"{stem}-thumb.jpg"
    assert series.poster == tmp_path / "Kai (2026)/poster.jpg"


@pytest.mark.parametrize(
    ("name", "number"),
    [("Season 1", 1), ("S01", 1), ("3", 3), ("シーズン 2", 2), ("Specials", 0), ("Season 00", 0), ("x", None)],
)
def test_a_folder_name_says_the_season(name: str, number: int | None) -> None:
    assert find_season_number(name) == number


@pytest.mark.parametrize(
    "ending", ["-trailer", ".trailer", "_trailer2", "- Trailer", "-sample", "-scene", "-clip", "-other"]
)
def test_a_title_in_a_name_can_make_it_an_extra(tmp_path: Path, ending: str) -> None:
    (series,) = resolve(tmp_path, f"Kai/Season 01/Kai S01E01{ending}.mp4")
    assert (len(series.episodes), len(series.extras)) == (0, 1)


def test_10_11_reads_a_hyphenated_title_as_a_range_and_12_does_not(tmp_path: Path) -> None:
    touch(tmp_path, "Kai/Season 01/Kai S01E01 1-23-45.mp4")
    last = {v: resolve_library(tmp_path, version=v)[0].episodes[0].last_number for v in ("10.11.11", "12.0")}
    assert last == {"10.11.11": 45, "12.0": None}


def test_12_groups_two_files_of_one_episode_and_10_11_lists_both(tmp_path: Path) -> None:
    touch(tmp_path, "Kai/Season 01/Kai S01E01.mp4", "Kai/Season 01/Kai S01E01.mkv")
    counts = {v: len(resolve_library(tmp_path, version=v)[0].episodes) for v in ("10.11.11", "12.0")}
    assert counts == {"10.11.11": 2, "12.0": 1}


@pytest.mark.parametrize(
    "name", ["metadata/a S01E01.mp4", "Kai/subs/a S01E01.mp4", "Kai/.a S01E01.mp4", "Kai/a.sample.S01E01.mp4"]
)
def test_some_folders_and_files_are_ignored(tmp_path: Path, name: str) -> None:
    assert [series for series in resolve(tmp_path, name) if series.episodes] == []


def test_a_folder_above_the_library_can_hide_it(tmp_path: Path) -> None:
    assert resolve(tmp_path / "Metadata" / "library", "Kai/Kai S01E01.mp4") == []


def test_an_empty_ignore_file_hides_its_folder(tmp_path: Path) -> None:
    touch(tmp_path, "Kai/Kai S01E01.mp4")
    (tmp_path / "Kai/.ignore").write_text("")
    assert resolve_library(tmp_path, version="12.0") == []


def test_folders_of_a_production_show_as_extras(tmp_path: Path) -> None:
    (series,) = resolve(tmp_path, "Kai/scenes/one.mp4", "Kai/clips/two.mp4")
    assert [file.name for file in series.extras] == ["two.mp4", "one.mp4"]


@pytest.mark.parametrize(
    ("words", "language", "flags", "title"),
    [
        ("en", "en", set(), ""),
        ("pt-BR.sdh", "pt-BR", {"sdh"}, ""),
        ("en.forced", "en", {"forced"}, ""),
        ("en.Defaulted words", "en", {"default"}, ""),
        ("hi", "hi", set(), ""),
        ("ja.Signs", "ja", set(), "Signs"),
    ],
)
def test_the_words_of_a_subtitle_are_its_language_and_flags(
    tmp_path: Path, words: str, language: str, flags: set[str], title: str
) -> None:
    (series,) = resolve(tmp_path, "Kai/Kai S01E01.mp4", f"Kai/Kai S01E01.{words}.srt")
    (subtitle,) = series.episodes[0].subtitles
    assert (subtitle.language, set(subtitle.flags), subtitle.title) == (language, flags, title)


def test_stray_sound_becomes_a_track_of_the_video(tmp_path: Path) -> None:
    (series,) = resolve(tmp_path, "Kai/Kai S01E01.mp4", "Kai/Kai S01E01.music.wav")
    assert len(series.episodes[0].extra_sound) == 1
