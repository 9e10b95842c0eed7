"""What is different between what a take was made from and what it would be made from now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tower.shots.fingerprint import Parts
from tower.versions.values import same

SEEN_ONLY_ALONE = "description"  # of a character, where it has no visual_description


@dataclass(frozen=True)
class Reason:
    """One thing that changed. `kind`: scene, characters, style, production, model, workflow, seed, engine or rules.

    `name`: whose field it is, where there are several or it has a name. `field` is `field` or, inside objects,
    `field/inner`. `was` and `now` are None where it was not there; files and graphs are told by their sha256.
    """

    kind: str
    name: str | None
    field: str
    was: Any
    now: Any


def reasons(was: Parts, now: Parts) -> list[Reason]:
    """Why a take made from `was` is out of date; empty if it is not. A file not hashed on one side is no reason."""
    found = [Reason("rules", None, "rules", was.get("rules"), now.get("rules"))] if _other(was, now, "rules") else []
    found += [Reason("scene", None, *change) for change in _compared(_part(was, "scene"), _part(now, "scene"))]
    found += _cast(was.get("characters") or [], now.get("characters") or [])
    for kind in ("style", "production", "model", "workflow", "seed", "engine"):
        found += _named(kind, _part(was, kind), _part(now, kind))
    return found


def _cast(was: list[Parts], now: list[Parts]) -> Iterator[Reason]:
    before, after = ({_who(one): one for one in members} for members in (was, now))
    if [_who(one) for one in was] != [_who(one) for one in now]:
        names = [[one["name"] for one in members] for members in (was, now)]
        yield Reason("scene", None, "characters", *names)
    for who in (one for one in before if one in after):
        changes = list(_compared(before[who], after[who]))
        fields = {field for field, _, _ in changes}
        for field, old, new in changes:
            if not (field == SEEN_ONLY_ALONE and "visual_description" in fields):
                yield Reason("characters", after[who]["name"], field, old, new)


def _named(kind: str, was: Parts, now: Parts) -> Iterator[Reason]:
    name = now.get("name") or was.get("name")
    for field, old, new in _compared(was, now):
        if field.startswith("files") and not (isinstance(old, str) and isinstance(new, str)):
            continue  # a model file that was hashed on one side only
        yield Reason(kind, name, field, old, new)


def _compared(was: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name in [*was, *(name for name in now if name not in was)]:
        old, new = was.get(name), now.get(name)
        if same(old, new) and (name in was) == (name in now):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _compared(old, new, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", old, new


def _part(parts: Parts, kind: str) -> Parts:
    return parts.get(kind) or {}


def _who(one: Parts) -> str:
    return str(one.get("key") or one["name"])


def _other(was: Parts, now: Parts, name: str) -> bool:
    return not same(was.get(name), now.get(name))
