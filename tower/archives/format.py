"""The format of an archive: a zip of JSON lines and media, with a manifest that lists every member and its sha256.

    manifest.json               the table of contents; read first, written last
    versions/objects.jsonl      {hash, kind, content}: the content-addressed objects
    rows/<table>.jsonl          one row per line, ordered by id; references are line numbers, from 1
    paths.jsonl                 {path, sha256, suffix}: the files that content refers to; sha256 is null if missing
    media/<sha256>              the bytes of a file, not compressed

An archive does not contain the ids of a database, so the content hash depends on the project alone.
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
from tower.nesting import find_too_deep
from tower.versions.values import encode_canonical

FORMAT = "tower-project"
VERSION = 1
FILE_SUFFIX = ".tower"
MANIFEST_MEMBER = "manifest.json"
OBJECTS_MEMBER = "versions/objects.jsonl"
PATHS_MEMBER = "paths.jsonl"
MEDIA_FOLDER = "media/"
MAX_LINE_BYTES = 64 * 2**20  # bytes
MAX_MANIFEST_BYTES = 64 * 2**20  # bytes
MAX_JSON_LEVELS = 200  # far above what requests may hold
SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
SUFFIX_PATTERN = re.compile(r"(\.[a-z0-9]{1,8})?")

Digest = Annotated[str, Field(pattern=f"^{SHA256_PATTERN.pattern}$")]


class ArchiveError(InvalidError):
    """The file is not an archive that can be imported. Nothing was changed."""

    code = ErrorCode.ARCHIVE_REFUSED


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str
    sha256: Digest
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """`heads` holds the hash of each branch's commit, `missing` a sentence about each file that could not be read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["tower-project"]
    version: int
    content_hash: Digest
    project: str
    heads: dict[str, str]
    rows: dict[str, int]
    missing: list[str]
    members: list[Member]


def rows_member(table: str) -> str:
    return f"rows/{table}.jsonl"


def media_member(sha256: str) -> str:
    return f"{MEDIA_FOLDER}{sha256}"


def archived_suffix(path: str) -> str:
    """Return the suffix of a file in lower case, such as `.png`; empty if it is not 1 to 8 letters or digits."""
    suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", path.rpartition("/")[2])
    return suffix.group().lower() if suffix else ""


def content_hash(members: Iterable[Member]) -> str:
    """Return the sha256 over format, version, and the name, size and sha256 of every member."""
    entries = sorted([member.name, member.bytes, member.sha256] for member in members)
    return hashlib.sha256(encode_canonical({"format": FORMAT, "version": VERSION, "members": entries})).hexdigest()


def encode_line(value: Any) -> bytes:
    return encode_canonical(value) + b"\n"


def parse_json(text: bytes, what: str) -> Any:
    """Parse JSON; `what` describes it in the error. Raises ArchiveError."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ArchiveError(f"The archive is damaged: {what} is nested too deeply") from error
    except ValueError as error:
        raise ArchiveError(f"The archive is damaged: {what} is not JSON") from error
    if find_too_deep(value, levels=MAX_JSON_LEVELS) is not None:
        raise ArchiveError(f"The archive is damaged: {what} is nested deeper than {MAX_JSON_LEVELS} levels")
    return value


def parse_manifest(text: bytes) -> Manifest:
    """Parse a manifest. Raises ArchiveError for one that is damaged or has another version."""
    content = parse_json(text, MANIFEST_MEMBER)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ArchiveError("This is not an archive of a Tower project")
    if content.get("version") != VERSION:
        raise ArchiveError(
            f"The archive is of version {str(content.get('version'))[:20]}; this Tower reads version {VERSION}",
            code=ErrorCode.ARCHIVE_VERSION,
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        location = ".".join(map(str, error.errors()[0]["loc"]))
        raise ArchiveError(f"The archive is damaged: {location} in its manifest is invalid") from error
    if manifest.content_hash != content_hash(manifest.members):
        raise ArchiveError("The archive is damaged: its content hash does not match its members")
    return manifest


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
