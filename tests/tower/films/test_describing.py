"""What a project, an episode and its takes say about the film that stands in the library."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.tower.films.finished_films import FilmedVillage, film_village
from tests.tower.scene_takes import ANIMATIC_SETTINGS
from tower.films.describing import describe_film, list_moments
from tower.publishing.film import Film, check_film
from tower.versions.kinds import Kind


@pytest.fixture
def made(session: Session, tmp_path: Path) -> FilmedVillage:
    return film_village(session, tmp_path)


def describe(made: FilmedVillage, **changes: Any) -> Film:
    """The film, whose `changes` are those of what was finished."""
    film = describe_film(made.village.stage.session, ANIMATIC_SETTINGS, replace(made.finished, **changes), None)
    check_film(film)
    return film


def set_details(made: FilmedVillage, **details: Any) -> None:
    made.finished.episode.row.details = details


def test_the_series_is_the_project_and_keeps_its_key(made: FilmedVillage) -> None:
    village = made.village
    first = describe(made)
    village.production_settings.series_name = "Neon Rain"
    project = village.production_settings.project
    project.description, project.details = "Of a city.", {"genre": "Noir, Drama", "year": 2019}
    film = describe(made)
    assert (film.series.name, film.series.plot, film.series.year) == ("Neon Rain", "Of a city.", 2019)
    assert film.series.genres == ("Noir", "Drama")
    assert film.series.key == first.series.key == str(project.series_key)
    village.stage.story.put(Kind.BIBLE, title="Bible", description="A detective walks.")
    assert describe(made).series.plot == "A detective walks."


def test_the_fields_of_the_author_give_season_date_and_tags_if_they_can(made: FilmedVillage) -> None:
    film = describe(made)
    assert (film.season, film.number, film.title, film.synopsis) == (1, 3, "Rain", "It rains.")
    set_details(made, season=2, aired="2026-04-01", mood="sad", tags=["rain", "night"])
    film = describe(made)
    assert (film.season, film.aired, film.tags) == (2, date(2026, 4, 1), ("rain", "night", "sad"))
    set_details(made, season="two", aired="soon", mood={"a": 1}, tags=[1, "x" * 500])
    film = describe(made)
    assert (film.season, film.aired, [len(tag) for tag in film.tags]) == (1, None, [100])


def test_subtitles_are_one_file_for_each_language(made: FilmedVillage) -> None:
    (subtitle,) = describe(made).subtitles
    assert (subtitle.language, subtitle.format.value) == ("eng", "srt")
    assert subtitle.text.count("It rains.") == 3
    assert describe(made, cut=replace(made.finished.cut, burn_subtitles=True)).subtitles == ()


def test_the_commit_of_a_finished_film_is_that_of_its_story(made: FilmedVillage) -> None:
    assert describe(made, commit="f" * 64).provenance.commit == "f" * 64


def test_moments_are_in_the_middle_of_what_is_shown(made: FilmedVillage) -> None:
    moments = list_moments(made.finished.cut)
    assert [(moment.take, moment.time_s) for moment in moments] == [(take, 1.0) for take in made.takes]
