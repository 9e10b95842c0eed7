"""The fingerprint of a cut: equal for two cuts whose films are equal, wherever their files are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

from tower.assembly.cut import EpisodeCut, MediaFile
from tower.versions.values import encode_canonical


def fingerprint_cut(cut: EpisodeCut) -> str:
    """Return a sha256 over all that the film depends on. Files count by content."""
    return hashlib.sha256(encode_canonical(_to_json(cut))).hexdigest()


def _to_json(value: Any) -> Any:
    match value:
        case MediaFile():
            return value.sha256
        case Fraction() | UUID() | Path():
            return str(value)
        case tuple() | list():
            return [_to_json(part) for part in value]
        case Mapping():
            return {str(name): _to_json(part) for name, part in value.items()}
        case _ if is_dataclass(value):
            named = {field.name: _to_json(getattr(value, field.name)) for field in fields(value)}
            return {"type": type(value).__name__, **named}
        case _:
            return value
