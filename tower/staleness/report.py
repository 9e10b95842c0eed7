"""Which scenes of a branch have an accepted take that is out of date, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from db.models.scenes import Scene
from db.models.versions import Branch
from tower.scene_shots import Wish
from tower.scene_sources import Sources, sources_of
from tower.settings import Settings
from tower.staleness.parts import Parts, engine_for_scene, engine_now, fingerprint_of, parts_of
from tower.staleness.reasons import Reason, reasons

WITH_INPUTS = undefer(Scene.accepted_inputs)  # else they are read scene by scene


@dataclass(frozen=True)
class StaleScene:
    """A scene whose accepted take would be another one today. `fingerprint` is today's."""

    scene: Scene
    wish: Wish
    fingerprint: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Staleness:
    """All scenes of a branch: each is fresh, stale, missing (nothing was accepted yet) or a video of the user's own."""

    scenes: int
    stale: tuple[StaleScene, ...]
    missing: tuple[int, ...]
    own_videos: int

    @property
    def fresh(self) -> int:
        return self.scenes - len(self.stale) - len(self.missing) - self.own_videos


def of_branch(session: Session, branch: Branch, settings: Settings) -> Staleness:
    """By number of scene. Looks at the database only."""
    there = select(func.count()).where(Scene.branch_id == branch.id)
    bare = (Scene.branch_id == branch.id, Scene.accepted_fingerprint.is_(None))
    missing = session.scalars(
        select(Scene.id).where(*bare, Scene.video_path.is_(None)).order_by(Scene.scene_number)
    ).all()
    own = session.scalar(select(func.count()).where(*bare, Scene.video_path.is_not(None))) or 0
    with_take = select(Scene).where(Scene.branch_id == branch.id, Scene.accepted_fingerprint.is_not(None))
    accepted = session.scalars(with_take.order_by(Scene.scene_number).options(WITH_INPUTS)).all()
    return Staleness(session.scalar(there) or 0, tuple(among(session, accepted, settings)), tuple(missing), own)


def among(session: Session, scenes: Sequence[Scene], settings: Settings) -> list[StaleScene]:
    """The stale ones of these scenes of one branch, in their order. Those without an accepted take are not stale."""
    accepted = [scene for scene in scenes if scene.accepted_fingerprint is not None]
    if not accepted:
        return []
    sources = sources_of(session, accepted[0].branch_id, accepted[0].project_id, accepted)
    return list(_examined(sources, accepted, settings))


def _examined(sources: Sources, scenes: Iterable[Scene], settings: Settings) -> Iterator[StaleScene]:
    engine = engine_now(sources.session, settings)
    for scene in scenes:
        made_from = scene.accepted_inputs or {}
        wish = Wish.of(made_from.get("wish", {}))
        was = made_from.get("parts", {})
        now = parts_of(sources, scene, wish, engine_for_scene(wish, engine, was=was.get("engine", {}).get("name")))
        found = reasons(was, now) if was else _unknown(scene, now)
        if why := (*_lost(scene), *found):
            yield StaleScene(scene, wish, fingerprint_of(now), why)


def _unknown(scene: Scene, now: Parts) -> list[Reason]:
    """Where nobody noted what the take was made from, only the fingerprint can tell."""
    was, fingerprint = scene.accepted_fingerprint, fingerprint_of(now)
    return [] if was == fingerprint else [Reason("take", None, "fingerprint", was, fingerprint)]


def _lost(scene: Scene) -> list[Reason]:
    return [] if scene.accepted_asset_id else [Reason("take", None, "accepted_asset_id", scene.video_path, None)]
