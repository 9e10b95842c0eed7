"""Which scenes of a branch have an accepted take that is out of date, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Row, any_, bindparam, literal, select
from sqlalchemy.orm import Session

from db.models.scenes import Scene
from db.models.versions import Branch
from tower.pages import Wanted
from tower.settings import Settings
from tower.shots.fingerprint_inputs import read_inputs
from tower.shots.scene_spec import Wish
from tower.staleness.accepted_takes import Accepted, Outdated, accepted, outdated
from tower.staleness.reasons import Reason, reasons

LOOKED_AT, COMPARED = 500, 100  # scenes of a page at most, and those among them that have an accepted take
_WHOLE = 1000  # scenes that are read at once to look at a whole branch

_SCENES = (
    select(
        Scene.id,
        Scene.scene_number,
        Scene.accepted_fingerprint.is_not(None).label("has_take"),
        Scene.video_path.is_not(None).label("has_video"),
    )
    .where(Scene.branch_id == bindparam("branch_id"), Scene.scene_number > bindparam("after"))
    .order_by(Scene.scene_number)
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class StaleScene:
    """A scene whose accepted take would be another one today. `fingerprint` is today's."""

    scene: Accepted
    wish: Wish
    fingerprint: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Staleness:
    """Scenes by number: each is fresh, stale, missing (nothing was accepted yet) or a video of the user's own.

    `next_cursor`: the number of the last one that was looked at; None if there are none after it.
    """

    scenes: int
    stale: tuple[StaleScene, ...]
    missing: tuple[int, ...]
    own_videos: int
    next_cursor: int | None

    @property
    def fresh(self) -> int:
        return self.scenes - len(self.stale) - len(self.missing) - self.own_videos


def of_branch(session: Session, branch: Branch, settings: Settings) -> Staleness:
    """All scenes. Looks at the database, and at the files of reference images."""
    pages = [_looked_at(session, branch.id, settings, _Look(0, None, _WHOLE, _WHOLE))]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(_looked_at(session, branch.id, settings, _Look(cursor, None, _WHOLE, _WHOLE)))
    return Staleness(
        sum(page.scenes for page in pages),
        tuple(one for page in pages for one in page.stale),
        tuple(one for page in pages for one in page.missing),
        sum(page.own_videos for page in pages),
        None,
    )


def page_of_branch(session: Session, branch: Branch, settings: Settings, wanted: Wanted) -> Staleness:
    """The scenes after the number `wanted.cursor`, until `wanted.limit` stale ones are found or enough is looked at."""
    return _looked_at(session, branch.id, settings, _Look(wanted.cursor or 0, wanted.limit, LOOKED_AT, COMPARED))


@dataclass(frozen=True)
class _Look:
    """After which number, and at most how many stale scenes, scenes, and scenes with a take."""

    after: int
    stale: int | None
    scenes: int
    takes: int


def _looked_at(session: Session, branch_id: int, settings: Settings, look: _Look) -> Staleness:
    there = session.execute(_SCENES, {"branch_id": branch_id, "after": look.after, "most": look.scenes + 1}).all()
    seen = there[: look.scenes]
    with_take = [row.id for row in seen if row.has_take]
    if len(with_take) > look.takes:
        seen = seen[: _place(seen, with_take[look.takes])]
    takes = accepted(session, _one_of(with_take[: look.takes])) if with_take else []
    found = list(islice(outdated(session, takes, settings), look.stale))
    if found and len(found) == look.stale:
        seen = seen[: _place(seen, found[-1].scene.id) + 1]
    shown = {take.id for take in takes}
    others = [row for row in seen if row.id not in shown]
    missing = tuple(row.id for row in others if row.has_take or not row.has_video)  # a take: until this moment
    return Staleness(
        scenes=len(seen),
        stale=tuple(_explained(session, found)),
        missing=missing,
        own_videos=len(others) - len(missing),
        next_cursor=seen[-1].scene_number if len(seen) < len(there) else None,
    )


def _explained(session: Session, found: Sequence[Outdated]) -> Iterator[StaleScene]:
    if not found:
        return
    made_from = select(Scene.id, Scene.accepted_inputs["parts"]).where(_one_of([one.scene.id for one in found]))
    parts: dict[int, Any] = dict(session.execute(made_from).all())
    for one in found:
        was, fingerprint = read_inputs(parts.get(one.scene.id)), one.now.fingerprint
        unknown = Reason("take", None, "fingerprint", one.scene.accepted_fingerprint, fingerprint)
        known = reasons(was, one.now) if was else [unknown] * (one.scene.accepted_fingerprint != fingerprint)
        yield StaleScene(one.scene, one.wish, fingerprint, (*_lost(one.scene), *known) or (unknown,))


def _lost(scene: Accepted) -> list[Reason]:
    return [] if scene.accepted_asset_id else [Reason("take", None, "accepted_asset_id", scene.video_path, None)]


def _place(rows: Sequence[Row[*tuple[Any, ...]]], scene_id: int) -> int:
    return [row.id for row in rows].index(scene_id)


def _one_of(scene_ids: list[int]) -> ColumnElement[bool]:
    return Scene.id == any_(literal(scene_ids, ARRAY(BigInteger)))
