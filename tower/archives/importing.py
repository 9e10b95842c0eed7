"""Import an archive as a new project, completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError, ProgrammingError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.projects import Project
from db.models.rendering import Asset, AssetKind
from db.models.versions import Branch, Commit, ObjectKind
from tower.archives.exporting import file_paths_in
from tower.archives.format import (
    OBJECTS_MEMBER,
    PATHS_MEMBER,
    SHA256_PATTERN,
    ArchiveError,
    Manifest,
    parse_json,
    rows_member,
)
from tower.archives.media_in import MediaImporter, unpack_media
from tower.archives.media_out import ProgressCallback
from tower.archives.names_in import RepairedName, repair_names
from tower.archives.reading import ArchiveReader
from tower.archives.rows_in import RowImporter
from tower.archives.tables import ARCHIVED_TABLES, PROJECTS
from tower.errors import InvalidError
from tower.settings import Settings
from tower.storage.garbage import discard_unreferenced
from tower.storage.imported_files import IMPORTED_AS_KEY
from tower.versions import fsck
from tower.versions.fields import parse_fields
from tower.versions.kinds import Kind
from tower.versions.objects import ObjectStore, object_hash
from tower.versions.values import encode_canonical

BATCH_ROWS = 500  # objects
REASONS_BY_SQLSTATE = {
    "23502": "a required value is missing",
    "23503": "a row refers to one that does not exist",
    "23505": "two rows have the same key",
    "23514": "a value is outside of what Tower allows",
}
ASSET_KINDS = {
    ".png": AssetKind.IMAGE,
    ".jpg": AssetKind.IMAGE,
    ".jpeg": AssetKind.IMAGE,
    ".webp": AssetKind.IMAGE,
    ".mp4": AssetKind.VIDEO,
    ".mov": AssetKind.VIDEO,
    ".webm": AssetKind.VIDEO,
    ".mkv": AssetKind.VIDEO,
    ".mp3": AssetKind.AUDIO,
    ".wav": AssetKind.AUDIO,
    ".flac": AssetKind.AUDIO,
}


@dataclass(frozen=True)
class ImportResult:
    """The new project. `repaired`: the names that were changed because they are refused today."""

    project_id: int
    manifest: Manifest
    repaired: Sequence[RepairedName] = ()


def import_project(
    sessions: SessionFactory, source: Path, *, settings: Settings, progress: ProgressCallback = lambda *_: None
) -> ImportResult:
    """Create a project from an archive. After an error nothing of it remains.

    Raises ArchiveError for a file that is damaged, of another version, too large, or not made by Tower, and
    DiskFullError.
    """
    with closing(ArchiveReader(source, max_bytes=settings.archive_max_bytes)) as archive:
        with unpack_media(archive, settings, progress) as media:
            try:
                with sessions.begin() as session:
                    project_id = _write_project(session, archive, media, progress)
                    repaired = repair_names(session, project_id)
                    media.publish_files()
            except BaseException as error:
                discard_unreferenced(sessions, media.published)
                if isinstance(error, DataError | IntegrityError | InternalError | ProgrammingError):
                    raise _translate_database_error(error) from error
                raise
        return ImportResult(project_id, archive.manifest, repaired)


def _write_project(session: Session, archive: ArchiveReader, media: MediaImporter, progress: ProgressCallback) -> int:
    rows = RowImporter(session, media)
    named: set[str] = set()
    counts = {}
    for index, table in enumerate(ARCHIVED_TABLES):
        progress("writing", index, len(ARCHIVED_TABLES))
        counts[table.member] = rows.write(table, archive.lines(rows_member(table.member)))
        if table.name == PROJECTS:  # objects come before the commits that refer to them
            _write_objects(session, rows.project_id, archive.lines(OBJECTS_MEMBER), named)
    rows.resolve_forward_references()
    _write_paths(session, rows.project_id, archive.lines(PATHS_MEMBER), media, named)
    if {name: count for name, count in counts.items() if count} != archive.manifest.rows:
        raise ArchiveError("The archive is damaged: its tables have other numbers of rows than its manifest says")
    media.require_all_named()
    session.flush()
    _check_project(session, rows.project_id, archive.manifest)
    return rows.project_id


def _write_objects(session: Session, project_id: int, lines: Iterator[bytes], named: set[str]) -> None:
    """Write the objects, and add the file paths in entities to `named`."""
    while part := list(islice(lines, BATCH_ROWS)):
        objects = ObjectStore(session, project_id)
        for text_of in part:
            sha256 = _put_object(objects, parse_json(text_of, OBJECTS_MEMBER), named)
            if sha256 is None:
                raise ArchiveError("The archive is damaged: a version object does not match its hash")
        objects.store()


def _put_object(objects: ObjectStore, entry: object, named: set[str]) -> str | None:
    """Write an object and return its hash; None for an invalid one."""
    match entry:
        case {"hash": str(sha256), "kind": str(kind), "content": str(content)} if kind in tuple(ObjectKind):
            text_of = content.encode(errors="surrogatepass")
        case _:
            return None
    if object_hash(ObjectKind(kind), text_of) != sha256:
        return None
    value = parse_json(text_of, OBJECTS_MEMBER)
    if not isinstance(value, dict) or not _is_canonical(value, text_of):
        return None
    if kind == ObjectKind.ENTITY:
        _check_entity(value)
        named |= file_paths_in(value)
    return objects.put(ObjectKind(kind), value)


def _is_canonical(value: dict[str, object], text_of: bytes) -> bool:
    try:
        return encode_canonical(value) == text_of
    except (ValueError, RecursionError):  # a lone surrogate, or nested too deeply
        return False


def _check_entity(value: dict[str, object]) -> None:
    match value:
        case {"kind": str(kind), "fields": dict(fields), **rest} if kind in tuple(Kind) and not rest:
            try:
                parse_fields(Kind(kind), fields, kind)
            except InvalidError as error:
                raise ArchiveError(
                    f"The archive holds content that no edit could have made: {error.message}"
                ) from error
        case _:
            raise ArchiveError("The archive is damaged: a version object has an unknown kind")


def _write_paths(
    session: Session, project_id: int, lines: Iterator[bytes], media: MediaImporter, named: set[str]
) -> None:
    """Record the new paths of files that content refers to, unless this machine has them under the old paths."""
    for text_of in lines:
        match parse_json(text_of, PATHS_MEMBER):
            case {"path": str(path), "sha256": None, "suffix": str()} if path in named:
                media.check_path(path)
            case {"path": str(path), "sha256": str(sha256), "suffix": str(suffix)} if path in named:
                if not SHA256_PATTERN.fullmatch(sha256) or media.find_member(sha256) is None:
                    raise ArchiveError(f"The archive is damaged: the file {path[:200]!r} is not in it")
                if not media.is_present(path, sha256):
                    session.add(_imported_asset(media, path, sha256=sha256, suffix=suffix, project_id=project_id))
            case _:
                raise ArchiveError(f"The archive is damaged: {PATHS_MEMBER} has an entry that no content refers to")
        named.discard(path)
    if named:
        raise ArchiveError(f"The archive is damaged: {PATHS_MEMBER} has no entry for the file {min(named)[:200]!r}")


def _imported_asset(media: MediaImporter, path: str, *, sha256: str, suffix: str, project_id: int) -> Asset:
    member = media.find_member(sha256)
    return Asset(
        kind=ASSET_KINDS.get(suffix, AssetKind.DOCUMENT),
        path=str(media.import_path(sha256, suffix)),
        sha256=sha256,
        bytes=member.bytes if member else 0,
        probe={},
        provenance={IMPORTED_AS_KEY: path},
        project_id=project_id,
    )


def _check_project(session: Session, project_id: int, manifest: Manifest) -> None:
    """Check the imported project as `tower fsck` does."""
    heads = select(Branch.name, Commit.hash).join(Commit, Commit.id == Branch.head_id)
    found = dict(session.execute(heads.where(Branch.project_id == project_id)).all())
    if found != manifest.heads or session.get_one(Project, project_id).name != manifest.project:
        raise ArchiveError("The archive is damaged: its name or branches do not match its manifest")
    session.execute(text("set constraints all immediate"))
    for finding in fsck.check_project(session, project_id=project_id):
        raise ArchiveError(f"The archive is damaged: {finding.message}")


def _translate_database_error(error: DataError | IntegrityError | InternalError | ProgrammingError) -> ArchiveError:
    diagnosis = getattr(error.orig, "diag", None)
    table = getattr(diagnosis, "table_name", None) or "a table"
    column = getattr(diagnosis, "column_name", None) or getattr(diagnosis, "constraint_name", None)
    reason = REASONS_BY_SQLSTATE.get(getattr(error.orig, "sqlstate", None) or "", "a value has the wrong type or size")
    place = f" ({column})" if column else ""
    return ArchiveError(f"The archive holds invalid rows: {table} refuses them: {reason}{place}")
