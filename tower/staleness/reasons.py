"""What is different between what a take was made from and what it would be made from now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tower.shots.fingerprint_inputs import CharacterInputs, FingerprintInputs, Part
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


def reasons(was: FingerprintInputs, now: FingerprintInputs) -> list[Reason]:
    """Why a take made from `was` is stale; empty if it is not. A file not hashed on one side is no reason."""
    found = [Reason("rules", None, "rules", was.rules, now.rules)] if was.rules != now.rules else []
    found += [Reason("scene", None, *change) for change in _compared(_fields(was.scene), _fields(now.scene))]
    found += _cast(was.characters, now.characters)
    for kind in ("style", "production", "model", "workflow", "seed", "engine"):
        found += _named(kind, _fields(getattr(was, kind)), _fields(getattr(now, kind)))
    return found


def _cast(was: list[CharacterInputs], now: list[CharacterInputs]) -> Iterator[Reason]:
    before, after = ({one.key or one.name: one for one in members} for members in (was, now))
    if [one.key or one.name for one in was] != [one.key or one.name for one in now]:
        yield Reason("scene", None, "characters", [one.name for one in was], [one.name for one in now])
    for who in (one for one in before if one in after):
        changes = list(_compared(_fields(before[who]), _fields(after[who])))
        fields = {field for field, _, _ in changes}
        for field, old, new in changes:
            if not (field == SEEN_ONLY_ALONE and "visual_description" in fields):
                yield Reason("characters", after[who].name, field, old, new)


def _named(kind: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Reason]:
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


def _fields(part: Part | None) -> dict[str, Any]:
    """The JSON of a part; nothing where there is none."""
    return {} if part is None else part.model_dump(mode="json", exclude_unset=True)
