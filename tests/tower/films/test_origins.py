"""Where a film comes from: the takes of its shots, their engines and models, and how its pictures were made."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from db.models.rendering import Asset
from db.models.versions import Commit
from tests.tower.films.finished_films import FilmedVillage, film_village
from tower.films.origins import describe_origin
from tower.publishing.provenance import PictureSource, Provenance


@pytest.fixture
def made(session: Session, tmp_path: Path) -> FilmedVillage:
    return film_village(session, tmp_path)


def describe(made: FilmedVillage) -> Provenance:
    finished = made.finished
    return describe_origin(made.village.stage.session, finished.episode, finished.cut, None)


def test_the_origin_of_each_shot_is_its_take(made: FilmedVillage) -> None:
    village = made.village
    origin = describe(made)
    scene = village.stage.find_scene(village.alone)
    head = village.stage.session.get_one(Commit, village.stage.find_branch().head_id)
    assert (origin.commit, origin.branch) == (head.hash, "main")
    assert (origin.source, origin.project) == (PictureSource.ALGORITHM, village.production_settings.project.name)
    assert [(shot.start_s, shot.end_s) for shot in origin.shots] == [(0, 2), (2, 4), (4, 6)]
    first = origin.shots[0]
    assert (first.scene_key, first.engine, first.model) == (str(village.alone), "animatic", None)
    assert first.fingerprint == scene.accepted_fingerprint


@pytest.mark.parametrize(
    ("engines", "source"),
    [
        (("comfyui", "unknown here", "comfyui"), PictureSource.TRAINED_MODEL),
        (("comfyui", "animatic", "animatic"), PictureSource.COMPOSITE),
        (("comfyui", None, None), PictureSource.COMPOSITE),
        (("animatic", None, "animatic"), PictureSource.MIXED),
        ((None, None, None), PictureSource.MIXED),
    ],
)
def test_the_engines_and_own_videos_say_how_the_pictures_were_made(
    made: FilmedVillage, engines: tuple[str | None, ...], source: PictureSource
) -> None:
    village = made.village
    for scene, engine in zip((village.alone, village.both, village.empty), engines, strict=True):
        take = village.stage.session.get_one(Asset, village.stage.find_scene(scene).accepted_asset_id)
        take.provenance = {"engine": engine, "shot": {"model": "m.safetensors"}} if engine else {}
    origin = describe(made)
    assert origin.source == source
    assert [shot.model is not None for shot in origin.shots] == [name not in (None, "animatic") for name in engines]
