"""Runs scans to their end and reads their rows."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import select

from db.engine import SessionFactory
from db.models.library import LibraryScan, ScanState, Track, UnreadableFile
from tower.library.scans import LIVE_STATES, LibraryScans

TIMEOUT_S = 60


def run_scan(sessions: SessionFactory, *roots: Path) -> LibraryScan:
    """Run a scan that completes."""
    scans = LibraryScans(sessions.kw["bind"], roots)
    try:
        done = wait_for_scan(sessions, scans.start())
    finally:
        scans.stop()
    assert (done.state, done.error) == (ScanState.COMPLETED, None)
    return done


def wait_for_scan(sessions: SessionFactory, scan_id: int) -> LibraryScan:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        with sessions() as session:
            row = session.get_one(LibraryScan, scan_id)
        if row.state not in LIVE_STATES:
            return row
        assert time.monotonic() < deadline, f"still {row.state}"
        time.sleep(0.02)


def nonzero_counts(row: LibraryScan) -> dict[str, int]:
    """The counts that are not 0."""
    names = ("files_seen", "unchanged", "added", "changed", "moved", "missing", "unreadable")
    return {name: value for name in names if (value := getattr(row, name))}


def tracks_by_filename(sessions: SessionFactory) -> dict[str, Track]:
    with sessions() as session:
        return {row.filename: row for row in session.scalars(select(Track).order_by(Track.id))}


def unreadable_reasons(sessions: SessionFactory, scan_id: int) -> dict[str, str]:
    with sessions() as session:
        rows = session.scalars(select(UnreadableFile).where(UnreadableFile.scan_id == scan_id))
        return {Path(row.path).name: row.reason for row in rows}
