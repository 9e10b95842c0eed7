"""Runs scans in the background: one at a time over all processes, with the progress in the scan's row."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.engine import SessionFactory, session_factory
from db.models.library import LibraryScan, ScanState, UnreadableFile
from tower.errors import CancelledError, ConflictError, NotFoundError
from tower.errors.foreign import reason_of
from tower.library.scanning import ScanCounts, ScanRun
from tower.library.walk import count_entries
from tower.pages import Page, PageRequest, fetch_page

SCAN_LOCK = 7_238_011_906  # advisory lock, next to that of the migrations; PostgreSQL releases it when the process ends
REPORT_S = 0.5  # interval between updates of the row
KEPT_REPORTS = 5  # scans whose unreadable files are still listed
LIVE_STATES = (ScanState.QUEUED, ScanState.RUNNING)
INTERRUPTED_MESSAGE = "the service stopped during the scan: start another one, which continues from here"

log = logging.getLogger(__name__)


class LibraryScans:
    """Scans the library in one thread. `stop` ends a running scan as if it were cancelled."""

    def __init__(self, engine: Engine, roots: Sequence[Path]) -> None:
        self._engine = engine
        self._sessions: SessionFactory = session_factory(engine)
        self._roots = tuple(roots)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="library-scan")
        self._stopping = threading.Event()

    def start(self) -> int:
        """Start a scan and return its id. Raises ConflictError while one runs in any process."""
        lock = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not lock.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": SCAN_LOCK}):
            lock.close()
            raise ConflictError("A scan of the library is already running", details=self._running())
        try:
            with self._sessions.begin() as session:
                _end_interrupted(session)
                scan = LibraryScan(roots=[str(root) for root in self._roots])
                session.add(scan)
                session.flush()
                scan_id = scan.id
        except BaseException:
            _release(lock)
            raise
        self._thread.submit(self._scan, scan_id, lock)
        return scan_id

    def end_interrupted(self) -> None:
        """End a scan whose process died. A scan that runs holds the lock, and so is left alone."""
        with self._sessions.begin() as session:
            if session.scalar(select(LibraryScan.id).where(LibraryScan.state.in_(LIVE_STATES))) is None:
                return
            if session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": SCAN_LOCK}):
                _end_interrupted(session)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.shutdown(wait=True)

    def _running(self) -> dict[str, int | None]:
        with self._sessions() as session:
            return {"scan_id": session.scalar(select(LibraryScan.id).where(LibraryScan.state.in_(LIVE_STATES)))}

    def _scan(self, scan_id: int, lock: Connection) -> None:
        scanning = ScanRun(self._sessions, scan_id, self._roots, ScanReporter(self._sessions, scan_id, self._stopping))
        try:
            self._write(scan_id, state=ScanState.RUNNING)
            self._write(scan_id, files_total=count_entries(self._roots))
            scanning.run()
        except CancelledError:
            self._end(scan_id, scanning.tally, ScanState.CANCELLED)
        except Exception as error:
            log.exception("scan %d of the library failed", scan_id)
            self._end(scan_id, scanning.tally, ScanState.FAILED, error=f"it ended early: {reason_of(error)}")
        else:
            self._end(scan_id, scanning.tally, ScanState.COMPLETED)
        finally:
            _release(lock)

    def _end(self, scan_id: int, tally: ScanCounts, state: ScanState, *, error: str | None = None) -> None:
        self._write(scan_id, **asdict(tally), state=state, error=error, ended_at=func.now())

    def _write(self, scan_id: int, **values: object) -> None:
        with self._sessions.begin() as session:
            session.execute(update(LibraryScan).where(LibraryScan.id == scan_id).values(**values))


class ScanReporter:
    """Writes the tally into the row of the scan every REPORT_S. Raises CancelledError to end the scan."""

    def __init__(self, sessions: SessionFactory, scan_id: int, stopping: threading.Event) -> None:
        self._sessions = sessions
        self._scan_id = scan_id
        self._stopping = stopping
        self._next = 0.0

    def __call__(self, tally: ScanCounts) -> None:
        if self._stopping.is_set():
            raise CancelledError("The service is stopping")
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + REPORT_S
        with self._sessions.begin() as session:
            mine = update(LibraryScan).where(LibraryScan.id == self._scan_id)
            written = mine.values(**asdict(tally), heartbeat_at=func.now()).returning(LibraryScan.cancel_asked)
            if session.scalar(written):
                raise CancelledError("The scan was cancelled")


def find(session: Session, scan_id: int) -> LibraryScan:
    """Raises NotFoundError."""
    scan = session.get(LibraryScan, scan_id)
    if scan is None:
        raise NotFoundError(f"There is no scan {scan_id}")
    return scan


def list_scans(session: Session, page_request: PageRequest) -> Page[LibraryScan]:
    return fetch_page(session, select(LibraryScan), LibraryScan.id, page=page_request, newest_first=True)


def cancel(session: Session, scan_id: int) -> LibraryScan:
    """Ask a scan to end, which it does after its current file. A scan that has ended stays as it is.

    Raises NotFoundError.
    """
    scan = find(session, scan_id)
    if scan.state in LIVE_STATES:
        scan.cancel_asked = True
        session.flush()
    return scan


def list_unreadable_files(session: Session, scan_id: int, page_request: PageRequest) -> Page[UnreadableFile]:
    """Raises NotFoundError."""
    find(session, scan_id)
    rows = select(UnreadableFile).where(UnreadableFile.scan_id == scan_id)
    return fetch_page(session, rows, UnreadableFile.id, page=page_request)


def _end_interrupted(session: Session) -> None:
    """Mark scans that never ended as failed. We hold the lock, so the processes that ran them are gone."""
    session.execute(
        update(LibraryScan)
        .where(LibraryScan.state.in_(LIVE_STATES))
        .values(state=ScanState.FAILED, error=INTERRUPTED_MESSAGE, ended_at=func.now())
    )
    kept = select(LibraryScan.id).order_by(LibraryScan.id.desc()).limit(KEPT_REPORTS - 1)
    session.execute(delete(UnreadableFile).where(UnreadableFile.scan_id.not_in(kept)))


def _release(lock: Connection) -> None:
    try:
        lock.execute(text("select pg_advisory_unlock_all()"))
        lock.close()
    except SQLAlchemyError:
        lock.invalidate()  # the server releases the lock with the connection
