"""Import an archive as a new project, completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError, ProgrammingError
from sqlalchemy.orm import Session

from db.engine import Sessions
from db.models.projects import Project
from db.models.rendering import Asset, AssetKind
from db.models.versions import Branch, Commit, ObjectKind
from tower.archives.exporting import paths_in
from tower.archives.format import OBJECTS, PATHS, SHA256, ArchiveError, Manifest, parsed, rows_name
from tower.archives.media_in import MediaIn, unpacked
from tower.archives.media_out import Told
from tower.archives.reading import ArchiveReader
from tower.archives.rows_in import RowsIn
from tower.archives.tables import CARRIED, PROJECTS
from tower.errors import InvalidError
from tower.settings import Settings
from tower.storage.garbage import discard
from tower.storage.imported_files import IMPORTED_AS
from tower.versions import fsck
from tower.versions.fields import checked
from tower.versions.kinds import Kind
from tower.versions.objects import Objects, address
from tower.versions.values import encoded

AT_ONCE = 500  # objects
KINDS = {
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
class Imported:
    project_id: int
    manifest: Manifest


def import_project(sessions: Sessions, source: Path, *, settings: Settings, told: Told = lambda *_: None) -> Imported:
    """Create a project from an archive. After an error nothing of it remains.

    Raises ArchiveError for a file that is damaged, of another version, too large, or not made by Tower, and
    DiskFullError.
    """
    with closing(ArchiveReader(source, largest_bytes=settings.archive_max_bytes)) as archive:
        with unpacked(archive, settings, told) as media:
            try:
                with sessions.begin() as session:
                    project_id = _write_project(session, archive, media, told)
                    media.put_in_place()
            except BaseException as error:
                discard(sessions, media.placed)
                if isinstance(error, DataError | IntegrityError | InternalError | ProgrammingError):
                    raise _translate_database_error(error) from error
                raise
        return Imported(project_id, archive.manifest)


def _write_project(session: Session, archive: ArchiveReader, media: MediaIn, progress: Told) -> int:
    rows = RowsIn(session, media)
    named: set[str] = set()
    for index, table in enumerate(CARRIED):
        progress("writing", index, len(CARRIED))
        rows.write(table, archive.lines(rows_name(table.member)))
        if table.name == PROJECTS:  # objects come before the commits that refer to them
            _write_objects(session, rows.project_id, archive.lines(OBJECTS), named)
    rows.finish()
    _write_paths(session, rows.project_id, archive.lines(PATHS), media, named)
    session.flush()
    _check_project(session, rows.project_id, archive.manifest)
    return rows.project_id


def _write_objects(session: Session, project_id: int, lines: Iterator[bytes], named: set[str]) -> None:
    """Write the objects, and add the file paths in entities to `named`."""
    while part := list(islice(lines, AT_ONCE)):
        objects = Objects(session, project_id)
        for text_of in part:
            sha256 = _put_object(objects, parsed(text_of, OBJECTS), named)
            if sha256 is None:
                raise ArchiveError("The archive is damaged: a version object does not match its hash")
        objects.store()


def _put_object(objects: Objects, entry: object, named: set[str]) -> str | None:
    """Write an object and return its hash; None for an invalid one."""
    match entry:
        case {"hash": str(sha256), "kind": str(kind), "content": str(content)} if kind in tuple(ObjectKind):
            text_of = content.encode(errors="surrogatepass")
        case _:
            return None
    if address(ObjectKind(kind), text_of) != sha256:
        return None
    value = parsed(text_of, OBJECTS)
    if not isinstance(value, dict) or not _is_canonical(value, text_of):
        return None
    if kind == ObjectKind.ENTITY:
        _check_entity(value)
        named |= paths_in(value)
    return objects.put(ObjectKind(kind), value)


def _is_canonical(value: dict[str, object], text_of: bytes) -> bool:
    try:
        return encoded(value) == text_of
    except (ValueError, RecursionError):  # a lone surrogate, or nested too deeply
        return False


def _check_entity(value: dict[str, object]) -> None:
    match value:
        case {"kind": str(kind), "fields": dict(fields), **rest} if kind in tuple(Kind) and not rest:
            try:
                checked(Kind(kind), fields, kind)
            except InvalidError as error:
                raise ArchiveError(
                    f"The archive holds content that no edit could have made: {error.message}"
                ) from error
        case _:
            raise ArchiveError("The archive is damaged: a version object has an unknown kind")


def _write_paths(session: Session, project_id: int, lines: Iterator[bytes], media: MediaIn, named: set[str]) -> None:
    """Record the new paths of files that content refers to, unless this machine has them under the old paths."""
    for text_of in lines:
        match parsed(text_of, PATHS):
            case {"path": str(path), "sha256": None, "suffix": str()} if path in named:
                media.refuse_outside(path)
            case {"path": str(path), "sha256": str(sha256), "suffix": str(suffix)} if path in named:
                if not SHA256.fullmatch(sha256) or media.carried(sha256) is None:
                    raise ArchiveError(f"The archive is damaged: the file {path[:200]!r} is not in it")
                if not media.is_here(path, sha256):
                    session.add(_imported_asset(media, path, sha256=sha256, suffix=suffix, project_id=project_id))
            case _:
                raise ArchiveError(f"The archive is damaged: {PATHS} has an entry that no content refers to")
        named.discard(path)
    if named:
        raise ArchiveError(f"The archive is damaged: {PATHS} has no entry for the file {min(named)[:200]!r}")


def _imported_asset(media: MediaIn, path: str, *, sha256: str, suffix: str, project_id: int) -> Asset:
    member = media.carried(sha256)
    return Asset(
        kind=KINDS.get(suffix, AssetKind.DOCUMENT),
        path=str(media.import_at(sha256, suffix)),
        sha256=sha256,
        bytes=member.bytes if member else 0,
        probe={},
        provenance={IMPORTED_AS: path},
        project_id=project_id,
    )


def _check_project(session: Session, project_id: int, manifest: Manifest) -> None:
    """Check the imported project as `tower fsck` does."""
    heads = select(Branch.name, Commit.hash).join(Commit, Commit.id == Branch.head_id)
    found = dict(session.execute(heads.where(Branch.project_id == project_id)).all())
    if found != manifest.heads or session.get_one(Project, project_id).name != manifest.project:
        raise ArchiveError("The archive is damaged: its name or branches do not match its manifest")
    session.execute(text("set constraints all immediate"))
    for finding in fsck.examine(session, project_id=project_id):
        raise ArchiveError(f"The archive is damaged: {finding.what}")


def _translate_database_error(error: DataError | IntegrityError | InternalError | ProgrammingError) -> ArchiveError:
    diagnosis = getattr(error.orig, "diag", None)
    table = getattr(diagnosis, "table_name", None) or "a table"
    reason = getattr(diagnosis, "constraint_name", None) or str(getattr(diagnosis, "message_primary", "bad value"))
    return ArchiveError(f"The archive holds invalid rows: {table} refuses them ({reason})")
