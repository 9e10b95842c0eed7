"""Fill the library: scan its folders, import playlists of other programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, DatabaseSessions, ReadingSession
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from api.music.dependencies import Monitor, Roots, RowNumber, Scans
from db.models.library import LibraryScan, ScanState, UnreadableFile
from tower.library import scans
from tower.library.import_result import ImportResult
from tower.library.importing import import_file

router = strict_router(prefix="/api/library", tags=["library"])


class ScanRequest(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"measure": False}]})

    measure: bool = Field(False, description="Measure the sound quality of every unmeasured track, in the background.")


class ImportRequest(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"path": "/srv/music/Library.xml"}]})

    path: str = Field(
        min_length=1, max_length=4096, description="A Library.xml, .m3u8 or .m3u under the library folders."
    )


class ScanAnswer(BaseModel):
    """`progress` is 0–1, and null until the files are counted."""

    id: int
    state: ScanState
    progress: float | None
    roots: list[str]
    files_total: int | None
    files_seen: int
    unchanged: int
    added: int
    changed: int
    moved: int
    missing: int = Field(description="Tracks whose file is gone. They stay in the library.")
    unreadable: int = Field(description="Files that were not added: GET …/unreadable says why.")
    error: str | None
    started_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: LibraryScan) -> Self:
        fields: dict[str, Any] = {name: getattr(row, name) for name in cls.model_fields if name != "progress"}
        return cls(**fields, progress=_progress(row))


class UnreadableAnswer(BaseModel):
    path: str
    reason: str

    @classmethod
    def of(cls, row: UnreadableFile) -> Self:
        return cls(path=row.path, reason=row.reason)


class SkippedEntry(BaseModel):
    what: str = Field(examples=["YOASOBI – Idol"])
    reason: str = Field(examples=["it is only in the cloud"])


class ImportDifference(BaseModel):
    what: str = Field(examples=["Night drive"])
    difference: str = Field(examples=["2 tracks were removed, as in its source"])


class ImportAnswer(BaseModel):
    source: str = Field(examples=["itunes_xml"])
    tracks_known: int = Field(description="Entries whose file is now a track of the library.")
    playlists: int
    skipped: list[SkippedEntry] = Field(description="The first hundred entries that were not imported, and why.")
    skipped_count: int
    differences: list[ImportDifference] = Field(
        description="The first hundred differences between the source and the library, and unusable values."
    )
    differences_count: int

    @classmethod
    def of(cls, found: ImportResult) -> Self:
        return cls(
            source=found.source,
            tracks_known=found.tracks_known,
            playlists=found.playlists,
            skipped=[SkippedEntry(what=entry.name, reason=entry.reason) for entry in found.skipped],
            skipped_count=found.skipped_count,
            differences=[ImportDifference(what=entry.name, difference=entry.reason) for entry in found.differences],
            differences_count=found.differences_count,
        )


@router.post("/scan", status_code=202, responses=error_responses(400, 409, 413, 415))
def start_scan(body: ScanRequest, session: DatabaseSession, running: Scans, monitor: Monitor) -> ScanAnswer:
    """Scan the library folders in the background. 409 with the id of the running scan, if one runs."""
    scan_id = running.start()
    if body.measure:
        monitor.enqueue_all()
    return ScanAnswer.of(scans.find(session, scan_id))


@router.get("/scans")
def list_scans(session: ReadingSession, pages: Pages, running: Scans) -> list[ScanAnswer]:
    """The scans, newest first."""
    running.end_interrupted()
    return pages.answer(scans.list_scans(session, pages.page_request), ScanAnswer.of)


@router.get("/scans/{scan_id}", responses=error_responses(404))
def get_scan(scan_id: RowNumber, session: ReadingSession, running: Scans) -> ScanAnswer:
    """Progress of a scan, and what it has found so far."""
    running.end_interrupted()
    return ScanAnswer.of(scans.find(session, scan_id))


@router.post("/scans/{scan_id}/cancel", responses=error_responses(404))
def cancel_scan(scan_id: RowNumber, session: DatabaseSession, running: Scans) -> ScanAnswer:
    """Stop a scan after its current file. Its results stay. A scan that has ended does not change."""
    running.end_interrupted()
    with session.begin():
        return ScanAnswer.of(scans.cancel(session, scan_id))


@router.get("/scans/{scan_id}/unreadable", responses=error_responses(404))
def list_unreadable(scan_id: RowNumber, session: ReadingSession, pages: Pages) -> list[UnreadableAnswer]:
    """The files that a scan did not add, and why. They are kept for the last five scans."""
    return pages.answer(scans.list_unreadable_files(session, scan_id, pages.page_request), UnreadableAnswer.of)


@router.post("/import", responses=error_responses(400, 413, 415))
def import_list(
    body: ImportRequest, sessions: DatabaseSessions, settings: CurrentSettings, roots: Roots
) -> ImportAnswer:
    """Import a Library.xml of Apple Music or iTunes, or a playlist. Importing again updates its playlists."""
    return ImportAnswer.of(import_file(sessions, body.path, roots=roots, folder_mappings=settings.music_folder_moves))


def _progress(row: LibraryScan) -> Annotated[float | None, "0–1"]:
    if row.state == ScanState.COMPLETED:
        return 1.0
    if row.files_total is None:
        return None
    return round(min(1.0, row.files_seen / row.files_total), 4) if row.files_total else 0.0
