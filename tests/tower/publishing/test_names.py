from __future__ import annotations

import pytest

from tests.fakes.jellyfin.resolver import EPISODE, EXTRAS_FOLDERS, IGNORED_FOLDERS
from tower.publishing.names import folder_name, safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Neon Rain", "Neon Rain"),
        ('A/B: "C" <D>|E?*\\F', "A B C D E F"),
        ("  Dr. Stone...  ", "Dr Stone"),
        ("..", "Series"),
        ("", "Series"),
        ("夜の\u200b雨", "夜の 雨"),
        ("Cafe\u0301", "Café"),
        ("a.sample.b", "a sample b"),
        ("Area S02E05 and 3x07", "Area and"),
        ("Kai part 2", "Kai"),
        ("a\nb\x00c", "a b c"),
        ("Extras", "Extras series"),
        ("con", "con series"),
        ("-trailer", "trailer"),
    ],
)
def test_a_name_keeps_only_what_no_system_reads_as_something_else(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_a_long_name_is_cut_between_characters_and_leaves_room() -> None:
    name = safe_name("雨" * 300)
    assert name == "雨" * 40
    assert len(name.encode()) == 120


@pytest.mark.parametrize("word", sorted(IGNORED_FOLDERS | EXTRAS_FOLDERS))
def test_no_series_is_named_as_a_folder_that_has_a_meaning(word: str) -> None:
    assert safe_name(word).casefold() not in IGNORED_FOLDERS | EXTRAS_FOLDERS


def test_the_number_of_the_episode_is_the_only_one_in_a_file_name() -> None:
    stem = f"{folder_name('The S03E04 files 2x01', 2026)} S01E02"
    assert [match.group() for match in EPISODE.finditer(stem)] == ["S01E02"]


def test_series_of_one_name_have_different_folders() -> None:
    assert folder_name("Kai", 2026) == "Kai (2026)"
    assert folder_name("Kai", 2026, 2) == "Kai (2026) (2)"
