"""Scenes with an accepted take, and those among them whose take is stale."""

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
from tower.rendering.engine_choice import EngineVersion
from tower.settings import Settings
from tower.shots.fingerprint import collect_fingerprint_inputs, current_engine, engine_for_scene
from tower.shots.fingerprint_inputs import FingerprintInputs, ModelInputs
from tower.shots.scene_sources import load_render_inputs
from tower.shots.scene_spec import RenderOverrides


class AcceptedScene(NamedTuple):
    """A scene with its accepted take and every column that can make the take stale.

    It is a tuple and not a row of the ORM, because there may be thousands. The last three fields are JSON of the inputs
    that the take was made from, or None if they were not recorded.
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
    stored_overrides: str | None
    engine: str | None
    model_files: str | None


@dataclass(frozen=True)
class StaleTake:
    """A scene whose accepted take is stale or lost. `current_inputs`: those that a new take would be made from."""

    scene: AcceptedScene
    overrides: RenderOverrides
    current_inputs: FingerprintInputs


_INPUTS = Scene.accepted_inputs
_ACCEPTED = (
    select(
        *(getattr(Scene, name) for name in AcceptedScene._fields if name in Scene.__mapper__.columns),
        _INPUTS["wish"].astext,
        _INPUTS["parts", "engine"].astext,
        _INPUTS["parts", "model", "files"].astext,
    )
    .where(Scene.accepted_fingerprint.is_not(None))
    .order_by(Scene.scene_number)
)


def list_accepted(session: Session, *conditions: ColumnElement[bool]) -> list[AcceptedScene]:
    """The scenes that have an accepted take and meet the conditions, by number."""
    return [AcceptedScene._make(row) for row in session.execute(_ACCEPTED.where(*conditions))]


def find_stale_takes(session: Session, scenes: Sequence[AcceptedScene], settings: Settings) -> Iterator[StaleTake]:
    """The stale takes of these scenes of one branch, in order. A lost take is stale too."""
    if not scenes:
        return
    sources = load_render_inputs(session, scenes[0].branch_id, scenes[0].project_id, scenes)
    engine = current_engine(session, settings)
    for scene in scenes:
        wish = _read_wish(scene.stored_overrides)
        now = collect_fingerprint_inputs(
            sources, scene, wish, engine_for_scene(wish, engine, take_engine=_read_engine(scene.engine))
        )
        known = _with_known_files(now, scene.model_files)
        if known.fingerprint != scene.accepted_fingerprint or scene.accepted_asset_id is None:
            yield StaleTake(scene, wish, now)


def is_stale(session: Session, scene: Scene, settings: Settings) -> bool:
    """Whether the scene has an accepted take that is stale or lost."""
    return any(find_stale_takes(session, list_accepted(session, Scene.id == scene.id), settings))


def _with_known_files(now: FingerprintInputs, was_files: str | None) -> FingerprintInputs:
    """The inputs with only the model files that were hashed then. A newly hashed file does not make a take stale."""
    files = now.model.files
    was = files if was_files is None else _read_files(was_files)
    if was.keys() == files.keys():
        return now
    known = {name: files.get(name, sha256) for name, sha256 in was.items()}
    return now.model_copy(update={"model": ModelInputs(name=now.model.name, files=known)})


@lru_cache(maxsize=256)
def _read_wish(recorded: str | None) -> RenderOverrides:
    return RenderOverrides.from_json(json.loads(recorded) if recorded else {})


@lru_cache(maxsize=256)
def _read_engine(recorded: str | None) -> EngineVersion | None:
    return EngineVersion(**json.loads(recorded)) if recorded else None


@lru_cache(maxsize=256)
def _read_files(recorded: str) -> Mapping[str, str]:
    files: Mapping[str, str] = json.loads(recorded)
    return files
