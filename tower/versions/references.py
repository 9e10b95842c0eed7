"""The fields that refer to other entities by key, and how references change when their target is deleted."""

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

_KEY_FIELDS = {  # fields that hold a key
    (Kind.BIBLE_CHARACTERS, "bible_key"): Kind.BIBLE,
    (Kind.BIBLE_CHARACTERS, "character_key"): Kind.CHARACTERS,
    (Kind.SCENES, "episode_key"): Kind.EPISODES,
}
_KEY_LIST_FIELDS = {(Kind.STORY_ARCS, "episode_keys"): Kind.EPISODES}  # fields that hold a list of keys
_NESTED_KEY_FIELDS = {  # fields that hold a list of objects, each with a key under the second name
    (Kind.SCENES, "characters", "key"): Kind.CHARACTERS,
    (Kind.STORY_ARCS, "milestones", "episode_key"): Kind.EPISODES,
}
_REQUIRED = (Kind.BIBLE_CHARACTERS, "bible_key")  # an entity is deleted together with its target

REFERENCED_KINDS = {Kind.BIBLE, Kind.CHARACTERS, Kind.EPISODES}


def referenced_addresses(kind: Kind, fields: Mapping[str, Any]) -> set[Address]:
    return {(of, key) for of, key in _iter_references(kind, fields) if key is not None}


def rewrite_references(kind: Kind, fields: Fields, replacements: Mapping[Address, uuid.UUID | None]) -> Fields | None:
    """Return `fields` with its references replaced by those of `replacements`, or removed where that has None.

    Returns None if the entity cannot exist without the deleted one: a bible's character without the bible.
    """
    after = dict(fields)
    for (of, field), target in _KEY_FIELDS.items():
        if of == kind and (key := _parse_key(fields[field])) is not None and (target, key) in replacements:
            replacement = replacements[target, key]
            if replacement is None and (of, field) == _REQUIRED:
                return None
            after[field] = None if replacement is None else str(replacement)
    for (of, field), target in _KEY_LIST_FIELDS.items():
        if of == kind:
            keys = (replacements.get((target, uuid.UUID(key)), uuid.UUID(key)) for key in fields[field])
            after[field] = list(dict.fromkeys(str(key) for key in keys if key is not None))
    for (of, field, inner), target in _NESTED_KEY_FIELDS.items():
        if of == kind:
            after[field] = [_replace_nested_key(item, inner, target, replacements) for item in fields[field]]
    return after


def find_referrers(session: Session, branch_id: int, deleted: Collection[Address]) -> set[Address]:
    """Return the entities of the branch that may refer to one of these, found in its rows."""
    characters = [key for kind, key in deleted if kind == Kind.CHARACTERS]
    episodes = [key for kind, key in deleted if kind == Kind.EPISODES]
    bibles = [key for kind, key in deleted if kind == Kind.BIBLE]
    found: set[Address] = set()
    if characters or bibles:
        refers = or_(BibleCharacter.character_key.in_(characters), BibleCharacter.bible_key.in_(bibles))
        rows = session.scalars(select(BibleCharacter.key).where(BibleCharacter.branch_id == branch_id, refers))
        found.update((Kind.BIBLE_CHARACTERS, key) for key in rows)
    if characters or episodes:
        casts = [Scene.characters.contains([{"key": str(key)}]) for key in characters]
        refers = or_(Scene.episode_key.in_(episodes), *casts)
        rows = session.scalars(select(Scene.key).where(Scene.branch_id == branch_id, refers))
        found.update((Kind.SCENES, key) for key in rows)
    if episodes:
        arcs = session.scalars(select(StoryArc.key).where(StoryArc.branch_id == branch_id))
        found.update((Kind.STORY_ARCS, key) for key in arcs)
    return found


def _iter_references(kind: Kind, fields: Mapping[str, Any]) -> Iterator[tuple[Kind, uuid.UUID | None]]:
    for (of, field), target in _KEY_FIELDS.items():
        if of == kind:
            yield target, _parse_key(fields.get(field))
    for (of, field), target in _KEY_LIST_FIELDS.items():
        if of == kind:
            yield from ((target, _parse_key(key)) for key in fields.get(field, ()))
    for (of, field, inner), target in _NESTED_KEY_FIELDS.items():
        if of == kind:
            yield from (
                (target, _parse_key(item.get(inner))) for item in fields.get(field, ()) if isinstance(item, dict)
            )


def _replace_nested_key(item: Any, inner: str, target: Kind, replacements: Mapping[Address, uuid.UUID | None]) -> Any:
    key = _parse_key(item.get(inner)) if isinstance(item, dict) else None
    if key is None or (target, key) not in replacements:
        return item
    replacement = replacements[target, key]
    return {**item, inner: None if replacement is None else str(replacement)}


def _parse_key(value: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return None
