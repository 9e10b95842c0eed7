"""The form of an archive: a zip of lines of JSON and of media, and a manifest that names every member by its sha256.

    manifest.json               what is in it; read first, written last
    versions/objects.jsonl      {hash, kind, content}: the content-addressed objects
    rows/<table>.jsonl          a row a line, in the order of their ids; references are line numbers, from 1
    paths.jsonl                 {path, sha256, suffix}: the files that content names; sha256 null: it was not there
    media/<sha256>              the bytes of a file, not compressed

Nothing in it depends on the ids that a database gave, so its content hash is that of the project and not of a place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tower.errors import InvalidError
from tower.errors.codes import ErrorCode
from tower.versions.values import encoded

FORMAT = "tower-project"
VERSION = 1
ENDING = ".tower"
MANIFEST = "manifest.json"
OBJECTS = "versions/objects.jsonl"
PATHS = "paths.jsonl"
MEDIA = "media/"
LONGEST_LINE = 64 * 2**20  # bytes
LARGEST_MANIFEST = 64 * 2**20  # bytes
SHA256 = re.compile(r"[0-9a-f]{64}")
SUFFIX = re.compile(r"(\.[a-z0-9]{1,8})?")

Digest = Annotated[str, Field(pattern=f"^{SHA256.pattern}$")]


class ArchiveError(InvalidError):
    """The file is no archive that can be imported; nothing was changed."""

    code = ErrorCode.ARCHIVE_REFUSED


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str
    sha256: Digest
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """`heads`: the commit of each branch. `missing`: files that are named and were not there, with the reason."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["tower-project"]
    version: int
    content_hash: Digest
    project: str
    heads: dict[str, str]
    rows: dict[str, int]
    missing: list[str]
    members: list[Member]


def rows_name(table: str) -> str:
    return f"rows/{table}.jsonl"


def media_name(sha256: str) -> str:
    return f"{MEDIA}{sha256}"


def suffix_of(path: str) -> str:
    """The ending that the file keeps, such as `.png`; empty for an odd one."""
    suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", path.rpartition("/")[2])
    return suffix.group().lower() if suffix else ""


def content_hash(members: Iterable[Member]) -> str:
    """The sha256 over the form, and name, size and sha256 of every member."""
    said = sorted([one.name, one.bytes, one.sha256] for one in members)
    return hashlib.sha256(encoded({"format": FORMAT, "version": VERSION, "members": said})).hexdigest()


def line(value: Any) -> bytes:
    return encoded(value) + b"\n"


def parsed(text: bytes, what: str) -> Any:
    """Raises ArchiveError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as broken:
        raise ArchiveError(f"The archive is damaged: {what} is no JSON") from broken


def manifest_of(text: bytes) -> Manifest:
    """Raises ArchiveError for one that is damaged or of another version."""
    said = parsed(text, MANIFEST)
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ArchiveError("This is no archive of a Tower project")
    if said.get("version") != VERSION:
        raise ArchiveError(
            f"The archive is of version {str(said.get('version'))[:20]}; this Tower reads version {VERSION}",
            code=ErrorCode.ARCHIVE_VERSION,
        )
    try:
        manifest = Manifest.model_validate(said)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise ArchiveError(f"The archive is damaged: {place} of its manifest is not as it should be") from error
    if manifest.content_hash != content_hash(manifest.members):
        raise ArchiveError("The archive is damaged: its content hash is not that of its members")
    return manifest


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
