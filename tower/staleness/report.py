"""Reports the scenes of a branch whose accepted take is stale, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Row, any_, bindparam, literal, select
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.scenes import Scene
from db.models.versions import Branch
from tower.pages import PageRequest
from tower.settings import Settings
from tower.shots.fingerprint_inputs import read_stored_inputs
from tower.shots.scene_spec import RenderOverrides
from tower.staleness.accepted_takes import AcceptedScene, StaleTake, find_stale_takes, list_accepted
from tower.staleness.reasons import StalenessReason, compare_inputs

MAX_PAGE_SCENES, MAX_PAGE_TAKES = 500, 100  # scenes read for a page, and accepted takes compared among them, at most
_WHOLE = 1000  # scenes read at once for a whole branch

_OF_BRANCH = (
    select(
        Scene.id,
        Scene.scene_number,
        Scene.accepted_fingerprint.is_not(None).label("has_take"),
        Scene.video_path.is_not(None).label("has_video"),
    )
    .where(Scene.branch_id == bindparam("branch_id"))
    .order_by(Scene.scene_number)
)
_SCENES = _OF_BRANCH.where(Scene.scene_number > bindparam("after")).limit(bindparam("most"))
_OF_EPISODE = _OF_BRANCH.where(Scene.episode_key == bindparam("episode_key"))


@dataclass(frozen=True)
class StaleScene:
    """A scene whose accepted take is stale. `fingerprint` is the current one."""

    scene: AcceptedScene
    overrides: RenderOverrides
    fingerprint: str
    reasons: tuple[StalenessReason, ...]


@dataclass(frozen=True)
class StalenessReport:
    """Scenes by number: each is fresh, stale, missing (without an accepted take) or has a video of the user's own.

    `next_cursor`: the number of the last scene that was read; None if none follows.
    """

    scenes: int
    stale: tuple[StaleScene, ...]
    missing: tuple[int, ...]
    own_videos: int
    next_cursor: int | None

    @property
    def fresh(self) -> int:
        return self.scenes - len(self.stale) - len(self.missing) - self.own_videos


def report_branch(session: Session, branch: Branch, settings: Settings) -> StalenessReport:
    """Report on all scenes. Reads the database and the files of reference images."""
    pages = [_read_page(session, branch.id, settings, _PageLimits(0, None, _WHOLE, _WHOLE))]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(_read_page(session, branch.id, settings, _PageLimits(cursor, None, _WHOLE, _WHOLE)))
    return StalenessReport(
        sum(page.scenes for page in pages),
        tuple(scene for page in pages for scene in page.stale),
        tuple(scene_id for page in pages for scene_id in page.missing),
        sum(page.own_videos for page in pages),
        None,
    )


def report_page(session: Session, branch: Branch, settings: Settings, page_request: PageRequest) -> StalenessReport:
    """Report on the scenes after `page_request.cursor`.

    Stops at `page_request.limit` stale scenes, or when enough scenes are read.
    """
    return _read_page(
        session,
        branch.id,
        settings,
        _PageLimits(page_request.cursor or 0, page_request.limit, MAX_PAGE_SCENES, MAX_PAGE_TAKES),
    )


def report_episode(session: Session, episode: Episode, settings: Settings) -> StalenessReport:
    """Report on the scenes of an episode of a branch."""
    rows = session.execute(_OF_EPISODE, {"branch_id": episode.branch_id, "episode_key": episode.key}).all()
    with_take = [row.id for row in rows if row.has_take]
    takes = list_accepted(session, _has_id(with_take)) if with_take else []
    return _report(session, rows, takes, list(find_stale_takes(session, takes, settings)), None)


@dataclass(frozen=True)
class _PageLimits:
    """The scene number to start after, and the most stale scenes, scenes, and scenes with a take."""

    after: int
    stale: int | None
    scenes: int
    takes: int


def _read_page(session: Session, branch_id: int, settings: Settings, limits: _PageLimits) -> StalenessReport:
    rows = session.execute(_SCENES, {"branch_id": branch_id, "after": limits.after, "most": limits.scenes + 1}).all()
    seen = rows[: limits.scenes]
    with_take = [row.id for row in seen if row.has_take]
    if len(with_take) > limits.takes:
        seen = seen[: _index_of(seen, with_take[limits.takes])]
    takes = list_accepted(session, _has_id(with_take[: limits.takes])) if with_take else []
    found = list(islice(find_stale_takes(session, takes, settings), limits.stale))
    if found and len(found) == limits.stale:
        seen = seen[: _index_of(seen, found[-1].scene.id) + 1]
    return _report(session, seen, takes, found, seen[-1].scene_number if len(seen) < len(rows) else None)


def _report(
    session: Session,
    seen: Sequence[Row[*tuple[Any, ...]]],
    takes: Sequence[AcceptedScene],
    found: Sequence[StaleTake],
    next_cursor: int | None,
) -> StalenessReport:
    with_take_ids = {take.id for take in takes}
    others = [row for row in seen if row.id not in with_take_ids]
    missing = tuple(
        row.id for row in others if row.has_take or not row.has_video
    )  # the take was removed between the two queries
    return StalenessReport(
        scenes=len(seen),
        stale=tuple(_explain(session, found)),
        missing=missing,
        own_videos=len(others) - len(missing),
        next_cursor=next_cursor,
    )


def _explain(session: Session, found: Sequence[StaleTake]) -> Iterator[StaleScene]:
    if not found:
        return
    made_from = select(Scene.id, Scene.accepted_inputs["parts"]).where(_has_id([take.scene.id for take in found]))
    parts: dict[int, Any] = dict(session.execute(made_from).all())
    for take in found:
        was, fingerprint = read_stored_inputs(parts.get(take.scene.id)), take.current_inputs.fingerprint
        unknown = StalenessReason("take", None, "fingerprint", take.scene.accepted_fingerprint, fingerprint)
        known = (
            compare_inputs(was, take.current_inputs)
            if was
            else [unknown] * (take.scene.accepted_fingerprint != fingerprint)
        )
        yield StaleScene(take.scene, take.overrides, fingerprint, (*_lost_reasons(take.scene), *known) or (unknown,))


def _lost_reasons(scene: AcceptedScene) -> list[StalenessReason]:
    return (
        [] if scene.accepted_asset_id else [StalenessReason("take", None, "accepted_asset_id", scene.video_path, None)]
    )


def _index_of(rows: Sequence[Row[*tuple[Any, ...]]], scene_id: int) -> int:
    return [row.id for row in rows].index(scene_id)


def _has_id(scene_ids: list[int]) -> ColumnElement[bool]:
    return Scene.id == any_(literal(scene_ids, ARRAY(BigInteger)))
