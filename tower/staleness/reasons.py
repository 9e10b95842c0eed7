"""Compares the inputs that a take was made from with those that it would be made from now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tower.shots.fingerprint_inputs import CharacterInputs, FingerprintInputs, InputPart
from tower.versions.values import are_equal

FALLBACK_FIELD = "description"  # used only for a character without visual_description


@dataclass(frozen=True)
class StalenessReason:
    """One difference. `kind`: scene, characters, style, production, model, workflow, seed, engine or rules.

    `name`: the name of the entity that the field belongs to, if it has one. `field` is `field` or, inside objects,
    `field/inner`. `was` and `now` are None if the field did not exist; files and graphs appear as their SHA-256.
    """

    kind: str
    name: str | None
    field: str
    was: Any
    now: Any


def compare_inputs(was: FingerprintInputs, now: FingerprintInputs) -> list[StalenessReason]:
    """The reasons why a take made from `was` is stale; a model file hashed on only one side is not a reason."""
    found = [StalenessReason("rules", None, "rules", was.rules, now.rules)] if was.rules != now.rules else []
    found += [
        StalenessReason("scene", None, *change) for change in _compare_fields(_fields(was.scene), _fields(now.scene))
    ]
    found += _compare_cast(was.characters, now.characters)
    for kind in ("style", "production", "model", "workflow", "seed", "engine"):
        found += _compare_part(kind, _fields(getattr(was, kind)), _fields(getattr(now, kind)))
    return found


def _compare_cast(was: list[CharacterInputs], now: list[CharacterInputs]) -> Iterator[StalenessReason]:
    before, after = ({member.key or member.name: member for member in members} for members in (was, now))
    if [member.key or member.name for member in was] != [member.key or member.name for member in now]:
        yield StalenessReason(
            "scene", None, "characters", [member.name for member in was], [member.name for member in now]
        )
    for key in (key for key in before if key in after):
        changes = list(_compare_fields(_fields(before[key]), _fields(after[key])))
        fields = {field for field, _, _ in changes}
        for field, old, new in changes:
            if not (field == FALLBACK_FIELD and "visual_description" in fields):
                yield StalenessReason("characters", after[key].name, field, old, new)


def _compare_part(kind: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[StalenessReason]:
    name = now.get("name") or was.get("name")
    for field, old, new in _compare_fields(was, now):
        if field.startswith("files") and not (isinstance(old, str) and isinstance(new, str)):
            continue  # a model file was hashed on one side only
        yield StalenessReason(kind, name, field, old, new)


def _compare_fields(was: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name in [*was, *(name for name in now if name not in was)]:
        old, new = was.get(name), now.get(name)
        if are_equal(old, new) and (name in was) == (name in now):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _compare_fields(old, new, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", old, new


def _fields(part: InputPart | None) -> dict[str, Any]:
    """The part as JSON; empty without a part."""
    return {} if part is None else part.model_dump(mode="json", exclude_unset=True)
