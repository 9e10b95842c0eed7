"""Where entities mention each other by key, and what becomes of a mention when the other is gone."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models.bibles import BibleCharacter
from db.models.episodes import StoryArc
from db.models.scenes import Scene
from tower.versions.kinds import Fields, Kind
from tower.versions.trees import Address

_ONE = {  # a field that holds a key
    (Kind.BIBLE_CHARACTERS, "bible_key"): Kind.BIBLE,
    (Kind.BIBLE_CHARACTERS, "character_key"): Kind.CHARACTERS,
    (Kind.SCENES, "episode_key"): Kind.EPISODES,
}
_MANY = {(Kind.STORY_ARCS, "episode_keys"): Kind.EPISODES}  # a list of keys
_INSIDE = {  # a list of objects, each with a key under this name
    (Kind.SCENES, "characters", "key"): Kind.CHARACTERS,
    (Kind.STORY_ARCS, "milestones", "episode_key"): Kind.EPISODES,
}
_NEEDED = (Kind.BIBLE_CHARACTERS, "bible_key")  # what mentions it goes with it

MENTIONED = {Kind.BIBLE, Kind.CHARACTERS, Kind.EPISODES}


def mentions(kind: Kind, fields: Mapping[str, Any]) -> set[Address]:
    return {(of, key) for of, key in _mentions(kind, fields) if key is not None}


def rewritten(kind: Kind, fields: Fields, gone: Mapping[Address, uuid.UUID | None]) -> Fields | None:
    """`fields` with each mention of what is gone put to what took its place, or taken out where that is None.

    None if the entity cannot be without what is gone: a bible's character without the bible.
    """
    after = dict(fields)
    for (of, field), target in _ONE.items():
        if of == kind and (key := _key(fields[field])) is not None and (target, key) in gone:
            instead = gone[target, key]
            if instead is None and (of, field) == _NEEDED:
                return None
            after[field] = None if instead is None else str(instead)
    for (of, field), target in _MANY.items():
        if of == kind:
            kept = (gone.get((target, uuid.UUID(key)), uuid.UUID(key)) for key in fields[field])
            after[field] = list(dict.fromkeys(str(key) for key in kept if key is not None))
    for (of, field, inner), target in _INSIDE.items():
        if of == kind:
            after[field] = [_put(item, inner, target, gone) for item in fields[field]]
    return after


def referrers(session: Session, branch_id: int, gone: Collection[Address]) -> set[Address]:
    """The entities of the branch, as its rows are, that may mention one of these."""
    characters = [key for kind, key in gone if kind == Kind.CHARACTERS]
    episodes = [key for kind, key in gone if kind == Kind.EPISODES]
    bibles = [key for kind, key in gone if kind == Kind.BIBLE]
    found: set[Address] = set()
    if characters or bibles:
        theirs = or_(BibleCharacter.character_key.in_(characters), BibleCharacter.bible_key.in_(bibles))
        rows = session.scalars(select(BibleCharacter.key).where(BibleCharacter.branch_id == branch_id, theirs))
        found.update((Kind.BIBLE_CHARACTERS, key) for key in rows)
    if characters or episodes:
        shown = [Scene.characters.contains([{"key": str(key)}]) for key in characters]
        theirs = or_(Scene.episode_key.in_(episodes), *shown)
        rows = session.scalars(select(Scene.key).where(Scene.branch_id == branch_id, theirs))
        found.update((Kind.SCENES, key) for key in rows)
    if episodes:
        arcs = session.scalars(select(StoryArc.key).where(StoryArc.branch_id == branch_id))
        found.update((Kind.STORY_ARCS, key) for key in arcs)
    return found


def _mentions(kind: Kind, fields: Mapping[str, Any]) -> Iterator[tuple[Kind, uuid.UUID | None]]:
    for (of, field), target in _ONE.items():
        if of == kind:
            yield target, _key(fields.get(field))
    for (of, field), target in _MANY.items():
        if of == kind:
            yield from ((target, _key(key)) for key in fields.get(field, ()))
    for (of, field, inner), target in _INSIDE.items():
        if of == kind:
            yield from ((target, _key(item.get(inner))) for item in fields.get(field, ()) if isinstance(item, dict))


def _put(item: Any, inner: str, target: Kind, gone: Mapping[Address, uuid.UUID | None]) -> Any:
    key = _key(item.get(inner)) if isinstance(item, dict) else None
    if key is None or (target, key) not in gone:
        return item
    instead = gone[target, key]
    return {**item, inner: None if instead is None else str(instead)}


def _key(value: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return None
