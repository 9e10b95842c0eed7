"""Edits of the cut of an episode: the scenes and tracks that a request names become keys and hashes of content."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.library import Track
from tower.errors import InvalidError
from tower.story.episodes import EpisodeScene
from tower.versions.episode_cuts import (
    EFFECT_PARAMETERS,
    CuePart,
    EffectPart,
    MusicPart,
    ScenePart,
    TransitionPart,
)


@dataclass(frozen=True)
class SceneChoice:
    """A scene, by id or key, and the part of it that is shown."""

    scene: int | uuid.UUID
    part: ScenePart


@dataclass(frozen=True)
class MusicChoice:
    """Music from a track, by id or content, or from a scene; `scene` is where it begins."""

    cue: CuePart
    track_id: int | None = None
    track_sha256: str | None = None
    scene: int | uuid.UUID | None = None


def choose_scenes(scenes: Sequence[EpisodeScene], choices: Sequence[SceneChoice]) -> dict[str, Any]:
    """Return `order` and `scenes` of the cut. Raises InvalidError, which names the field, for an impossible choice."""
    keys: list[str] = []
    parts: dict[str, Any] = {}
    for number, choice in enumerate(choices):
        place = f"scenes.{number}"
        key = _find_scene(scenes, choice.scene, f"{place}.scene_id")
        if key in keys:
            raise InvalidError.field(f"{place}.scene_id", choice.scene, "each scene once")
        _check_part(choice.part, place)
        keys.append(key)
        parts |= {key: part} if (part := choice.part.to_json()) else {}
    return {"order": keys, "scenes": parts}


def choose_music(
    session: Session, scenes: Sequence[EpisodeScene], choices: Sequence[MusicChoice]
) -> list[dict[str, Any]]:
    """Return `music` of the cut. Raises InvalidError, which names the field, for an unknown track or scene."""
    music = []
    for number, choice in enumerate(choices):
        place = f"music.{number}"
        key = None if choice.scene is None else _find_scene(scenes, choice.scene, f"{place}.scene_id")
        sha256 = _find_track(session, choice, place)
        if key is None and sha256 is None:
            raise InvalidError.field(f"{place}.track_id", None, "a track, or a scene whose music plays")
        music.append(MusicPart(track_sha256=sha256, scene_key=key, **choice.cue.model_dump()).to_json())
    return music


def check_transition(transition: TransitionPart, place: str) -> None:
    """Raises InvalidError unless a cut has no frames and every other transition has some."""
    if (transition.kind == "cut") != (transition.frames == 0):
        raise InvalidError.field(f"{place}.frames", transition.frames, "0 for a cut, or at least 1")


def track_ids(session: Session, sha256s: Sequence[str]) -> Mapping[str, int]:
    """Return the ids of the library's tracks with this content whose file is there."""
    rows = select(Track.sha256, Track.id).where(Track.sha256.in_(sha256s), Track.missing_since.is_(None))
    return dict(session.execute(rows.order_by(Track.id.desc())).all()) if sha256s else {}


def _find_scene(scenes: Sequence[EpisodeScene], wanted: int | uuid.UUID, place: str) -> str:
    for scene in scenes:
        if wanted == scene.key or (scene.row is not None and wanted == scene.row.id):
            return str(scene.key)
    raise InvalidError.field(place, wanted, "a scene of this episode, by id or key")


def _find_track(session: Session, choice: MusicChoice, place: str) -> str | None:
    if choice.track_id is None:
        return choice.track_sha256
    track = session.get(Track, choice.track_id)
    if track is None:
        raise InvalidError.field(f"{place}.track_id", choice.track_id, "a track of the music library")
    if choice.track_sha256 not in (None, track.sha256):
        raise InvalidError.field(f"{place}.track_sha256", choice.track_sha256, "the same track as track_id")
    return track.sha256


def _check_part(part: ScenePart, place: str) -> None:
    if part.out_seconds is not None and part.out_seconds <= part.in_seconds:
        raise InvalidError.field(f"{place}.out_seconds", part.out_seconds, f"more than in_seconds, {part.in_seconds:g}")
    if part.effect is not None:
        _check_effect(part.effect, f"{place}.effect")
    check_transition(part.transition, f"{place}.transition")


def _check_effect(effect: EffectPart, place: str) -> None:
    """A parameter that the kind has not is refused, so that none is ignored in silence."""
    given = effect.model_dump(exclude={"kind"}, exclude_none=True)
    for name in given.keys() - EFFECT_PARAMETERS[effect.kind]:
        raise InvalidError.field(f"{place}.{name}", given[name], f"nothing, as {effect.kind} has no {name}")
