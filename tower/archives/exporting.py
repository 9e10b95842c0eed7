"""Export a project to one file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.projects import Project
from db.models.versions import Branch, Commit, ObjectKind, VersionObject
from tower.archives.format import (
    OBJECTS_MEMBER,
    PATHS_MEMBER,
    VERSION,
    Manifest,
    archived_suffix,
    content_hash,
    encode_line,
    parse_json,
    rows_member,
)
from tower.archives.media_out import MediaExporter, ProgressCallback
from tower.archives.rows_out import RowExporter
from tower.archives.tables import ARCHIVED_TABLES
from tower.archives.writing import ArchiveWriter
from tower.media.files import write_atomically
from tower.settings import Settings
from tower.storage.imported_files import local_paths
from tower.versions import editing
from tower.versions.objects import DamagedHistoryError, object_hash

FILES_IN_CONTENT = ("image_path", "video_path")
BATCH_ROWS = 500  # rows


@dataclass(frozen=True)
class ExportResult:
    path: Path
    bytes: int
    manifest: Manifest


def export_project(
    sessions: SessionFactory,
    project_id: int,
    target: Path,
    *,
    settings: Settings,
    progress: ProgressCallback = lambda *_: None,
) -> ExportResult:
    """Write the project to `target`, which appears once it is complete. An existing file is replaced.

    The export is a snapshot: concurrent edits are not in it. `manifest.missing` lists files that could not be read.
    Raises NotFoundError, DamagedHistoryError, DiskFullError, and ConflictError if a file changes during the export.
    """
    with sessions.begin() as session:
        editing.ensure_main(session, project_id)
    with write_atomically(target) as part, sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        with closing(ArchiveWriter(part)) as archive:
            media = MediaExporter(settings, local_paths(session, project_id), progress)
            manifest = _write_archive(session, project_id, archive, media)
    return ExportResult(target, target.stat().st_size, manifest)


def _write_archive(session: Session, project_id: int, archive: ArchiveWriter, media: MediaExporter) -> Manifest:
    named: set[str] = set()
    archive.add_lines(OBJECTS_MEMBER, _object_lines(session, project_id, named))
    rows = RowExporter(session, project_id, media)
    counts = {
        table.member: archive.add_lines(rows_member(table.member), rows.lines(table)) for table in ARCHIVED_TABLES
    }
    archive.add_lines(PATHS_MEMBER, (_path_line(path, media) for path in sorted(named)))
    for take in rows.takes:
        media.add_take(take.path, sha256=take.sha256, size=take.size)
    media.write(archive)
    members = sorted(archive.members, key=lambda member: member.name)
    manifest = Manifest(
        format="tower-project",
        version=VERSION,
        content_hash=content_hash(members),
        project=session.get_one(Project, project_id).name,
        heads=_load_heads(session, project_id),
        rows={name: count for name, count in counts.items() if count},
        missing=media.missing,
        members=members,
    )
    archive.add_manifest(manifest)
    return manifest


def _object_lines(session: Session, project_id: int, named: set[str]) -> Iterator[bytes]:
    """Yield every object ordered by hash, and add the file paths in entities to `named`."""
    columns = select(VersionObject.hash, VersionObject.kind, VersionObject.content)
    query = columns.where(VersionObject.project_id == project_id).order_by(VersionObject.hash)
    for sha256, kind, content in session.execute(query, execution_options={"yield_per": BATCH_ROWS}):
        if object_hash(kind, content) != sha256:
            raise DamagedHistoryError(f"The version object {sha256} is damaged: run `tower fsck` to list all damage")
        if kind == ObjectKind.ENTITY:
            named |= file_paths_in(parse_json(content, sha256))
        yield encode_line({"hash": sha256, "kind": kind.value, "content": content.decode()})


def file_paths_in(entity: dict[str, dict[str, str | None]]) -> set[str]:
    """Return the file paths in an entity object."""
    fields = entity.get("fields", {})
    return {path for name in FILES_IN_CONTENT if (path := fields.get(name)) is not None}


def _path_line(path: str, media: MediaExporter) -> bytes:
    return encode_line({"path": path, "sha256": media.add_path(path), "suffix": archived_suffix(path)})


def _load_heads(session: Session, project_id: int) -> dict[str, str]:
    heads = select(Branch.name, Commit.hash).join(Commit, Commit.id == Branch.head_id)
    return dict(session.execute(heads.where(Branch.project_id == project_id).order_by(Branch.name)).all())
