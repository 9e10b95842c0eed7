"""Scenes with an accepted take, and which of them would be another picture today."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from db.models.scenes import Scene
from tower.rendering.engine_choice import EngineName
from tower.settings import Settings
from tower.shots.fingerprint import engine_for_scene, engine_now, inputs_of
from tower.shots.fingerprint_inputs import FingerprintInputs, ModelInputs
from tower.shots.scene_sources import sources_of
from tower.shots.scene_spec import Wish


class Accepted(NamedTuple):
    """A scene with its accepted take: all that can make that old, and no row, of which there may be thousands.

    The last three are of what the take was made from, in JSON; None where nobody noted it.
    """

    id: int
    branch_id: int
    project_id: int
    key: uuid.UUID
    scene_number: int
    title: str | None
    description: str
    location: str | None
    mood: str | None
    camera: str | None
    scene_type: str | None
    style: str | None
    duration_s: float | None
    characters: list[Any]
    dialogue: list[Any]
    video_path: str | None
    accepted_asset_id: int | None
    accepted_fingerprint: str
    wish: str | None
    engine: str | None
    model_files: str | None


@dataclass(frozen=True)
class Outdated:
    """A scene whose accepted take would be another one today, or is lost. `now`: what it would be made from."""

    scene: Accepted
    wish: Wish
    now: FingerprintInputs


_INPUTS = Scene.accepted_inputs
_ACCEPTED = (
    select(
        *(getattr(Scene, name) for name in Accepted._fields if name in Scene.__mapper__.columns),
        _INPUTS["wish"].astext,
        _INPUTS["parts", "engine"].astext,
        _INPUTS["parts", "model", "files"].astext,
    )
    .where(Scene.accepted_fingerprint.is_not(None))
    .order_by(Scene.scene_number)
)


def accepted(session: Session, *where: ColumnElement[bool]) -> list[Accepted]:
    """Those scenes that have an accepted take, by number."""
    return [Accepted._make(row) for row in session.execute(_ACCEPTED.where(*where))]


def outdated(session: Session, scenes: Sequence[Accepted], settings: Settings) -> Iterator[Outdated]:
    """Those of these scenes of one branch, in their order. Fingerprints are compared: the design's own definition."""
    if not scenes:
        return
    sources = sources_of(session, scenes[0].branch_id, scenes[0].project_id, scenes)
    engine = engine_now(session, settings)
    for scene in scenes:
        wish = _wish(scene.wish)
        now = inputs_of(sources, scene, wish, engine_for_scene(wish, engine, was=_engine(scene.engine)))
        known = _as_far_as_known(now, scene.model_files)
        if known.fingerprint != scene.accepted_fingerprint or scene.accepted_asset_id is None:
            yield Outdated(scene, wish, now)


def is_outdated(session: Session, scene: Scene, settings: Settings) -> bool:
    """Whether it has an accepted take, and that would be another one today."""
    return any(outdated(session, accepted(session, Scene.id == scene.id), settings))


def _as_far_as_known(now: FingerprintInputs, was_files: str | None) -> FingerprintInputs:
    """With those model files that were hashed then too: that another one was hashed since makes nothing old."""
    files = now.model.files
    was = files if was_files is None else _files(was_files)
    if was.keys() == files.keys():
        return now
    known = {name: files.get(name, sha256) for name, sha256 in was.items()}
    return now.model_copy(update={"model": ModelInputs(name=now.model.name, files=known)})


@lru_cache(maxsize=256)
def _wish(said: str | None) -> Wish:
    return Wish.of(json.loads(said) if said else {})


@lru_cache(maxsize=256)
def _engine(said: str | None) -> EngineName | None:
    return EngineName(**json.loads(said)) if said else None


@lru_cache(maxsize=256)
def _files(said: str) -> Mapping[str, str]:
    files: Mapping[str, str] = json.loads(said)
    return files
