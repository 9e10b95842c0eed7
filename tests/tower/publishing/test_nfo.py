from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tower.publishing.films import EPISODE, make_film
from tower.publishing.film import Series
from tower.publishing.nfo import episode_nfo, read_series_key, season_nfo, series_nfo

PATH = Path("a.mp4")


def read(content: bytes) -> dict[str, str | None]:
    return {child.tag: child.text for child in ElementTree.fromstring(content)}


def test_an_episode_has_its_texts_numbers_and_key() -> None:
    film = make_film(PATH, aired=date(2026, 11, 29), tags=("AI-generated",))
    assert read(episode_nfo(film)) == {
        "title": "The Beginning",
        "showtitle": "Neon Rain",
        "plot": "It rains.",
        "season": "1",
        "episode": "1",
        "aired": "2026-11-29",
        "tag": "AI-generated",
        "uniqueid": str(EPISODE),
    }


@pytest.mark.parametrize("synopsis", ["", "  \n"])
def test_a_plot_is_never_empty(synopsis: str) -> None:
    assert read(episode_nfo(make_film(PATH, synopsis=synopsis)))["plot"] == "The Beginning"
    assert read(season_nfo(make_film(PATH, season=0)))["plot"] == "Specials of Neon Rain"
    assert read(series_nfo(Series("k", "Kai")))["plot"] == "Kai"


def test_markup_in_a_text_stays_text() -> None:
    title = '</episodedetails><lockdata>true</lockdata> & "x"'
    found = read(episode_nfo(make_film(PATH, title=title)))
    assert found["title"] == title
    assert "lockdata" not in found


def test_a_genre_with_a_slash_is_written_as_the_two_that_jellyfin_would_make() -> None:
    genres = [one.text for one in ElementTree.fromstring(series_nfo(Series("k", "Kai", genres=("A/B",)))).iter("genre")]
    assert genres == ["A", "B"]


def test_a_series_is_recognised_by_its_key() -> None:
    assert read_series_key(series_nfo(Series("project-1", "Kai"))) == "project-1"
    assert read_series_key(b"<tvshow><title>Kai</title></tvshow>") is None
    assert read_series_key(b"broken") is None


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_any_text_gives_an_nfo_that_reads_back(title: str, synopsis: str) -> None:
    found = read(episode_nfo(make_film(PATH, title=title, synopsis=synopsis)))
    assert (found["plot"] or "").strip()
