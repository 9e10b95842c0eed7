"""Names what is cached by everything that it depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Any
from uuid import UUID

from tower.assembly.cut import KEYED_IF_SET, EpisodeCut, MediaFile
from tower.media.files import sha256_of

VERSION = 3  # raised with every change that makes another file of an equal cut


def content_key(kind: str, *parts: object) -> str:
    """The hex digest of the parts. Files count with their content, and paths do not."""
    text = json.dumps([VERSION, kind, _plain(parts)], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def film_key(cut: EpisodeCut) -> str:
    """The key of the whole film, without its origin: a commit that changes nothing of it makes no other film."""
    cover = sha256_of(cut.cover) if cut.cover else None
    return content_key("film", dataclasses.replace(cut, cover=None, origin=None), cover)


def file_key(cut: EpisodeCut) -> str:
    """The key of the file that is written for the cut, with its origin."""
    return content_key("file", film_key(cut), cut.origin)


def _plain(value: Any) -> Any:
    if isinstance(value, MediaFile):
        return value.sha256
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return {field.name: _plain(inner) for field, inner in fields if not _is_left_out(field, inner)}
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Fraction | UUID) else value


def _is_left_out(field: dataclasses.Field[Any], value: object) -> bool:
    return value is None and field.metadata == KEYED_IF_SET
