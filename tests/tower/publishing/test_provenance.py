"""What a film says of where it comes from."""

from __future__ import annotations

import json

import pytest

from tests.tower.publishing.films import EPISODE
from tower.publishing.provenance import (
    AI_MADE,
    DRAWN,
    PARTLY_AI_MADE,
    PARTLY_DRAWN,
    UNKNOWN,
    FilmShot,
    PictureSource,
    Provenance,
)

SHOT = FilmShot(0, 1.5, "s1", "a" * 64, "comfyui", "counterfeit", "f" * 64)
OWN_VIDEO = FilmShot(1.5, 3, "s2", "b" * 64, None)


@pytest.mark.parametrize(
    ("source", "shots", "statement"),
    [
        (PictureSource.TRAINED_MODEL, (SHOT,), AI_MADE),
        (PictureSource.COMPOSITE, (SHOT, OWN_VIDEO), PARTLY_AI_MADE),
        (PictureSource.ALGORITHM, (SHOT,), DRAWN),
        (PictureSource.MIXED, (SHOT, OWN_VIDEO), PARTLY_DRAWN),
        (PictureSource.MIXED, (OWN_VIDEO,), UNKNOWN),
    ],
)
def test_the_statement_says_of_which_pictures_it_is_known_how_they_were_made(
    source: PictureSource, shots: tuple[FilmShot, ...], statement: str
) -> None:
    assert Provenance(shots=shots, source=source).statement == statement


def test_the_tag_of_a_film_begins_with_the_statement_and_names_every_shot() -> None:
    tag = Provenance(7, "雨", "c0ffee", (SHOT, OWN_VIDEO), PictureSource.COMPOSITE, "main").as_tag(EPISODE)
    assert tag.startswith(f'{{"statement": "{PARTLY_AI_MADE}", "project": "雨"')
    found = json.loads(tag)
    assert (found["branch"], found["commit"], found["episode"]) == ("main", "c0ffee", str(EPISODE))
    assert [FilmShot(**shot) for shot in found["shots"]] == [SHOT, OWN_VIDEO]


def test_a_row_of_the_ledger_without_a_branch_is_read() -> None:
    row = Provenance(7, "Rain", "c0ffee", (SHOT,)).as_json()
    del row["branch"]
    assert Provenance.from_json(row) == Provenance(7, "Rain", "c0ffee", (SHOT,))
