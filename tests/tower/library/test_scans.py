"""One scan runs at a time. It can be cancelled, and a scan whose service died has failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, text

from db.engine import SessionFactory
from db.models.library import LibraryScan, ScanState
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import nonzero_counts, run_scan, tracks_by_filename, wait_for_scan
from tower.errors import CancelledError, ConflictError
from tower.library.scanning import ScanCounts, ScanRun
from tower.library.scans import INTERRUPTED_MESSAGE, SCAN_LOCK, LibraryScans


def test_one_scan_runs_at_a_time_and_can_be_cancelled(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    first = sounds(root / "0.mp3")
    for number in range(1, 400):
        (root / f"{number}.mp3").write_bytes(first.read_bytes() + bytes(number))
    scans = LibraryScans(sessions.kw["bind"], [root])
    try:
        scan_id = scans.start()
        with pytest.raises(ConflictError) as refusal:
            scans.start()
        assert refusal.value.details == {"scan_id": scan_id}
    finally:
        scans.stop()
    stopped = wait_for_scan(sessions, scan_id)
    assert stopped.state == ScanState.CANCELLED
    assert stopped.files_seen < 400
    assert nonzero_counts(run_scan(sessions, root))["files_seen"] == 400


def test_a_scan_of_a_service_that_died_has_failed(root: Path, sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        abandoned_scan = LibraryScan(state=ScanState.RUNNING, roots=[str(root)])
        session.add(abandoned_scan)
        session.flush()
        left_id = abandoned_scan.id
    run_scan(sessions, root)
    assert (wait_for_scan(sessions, left_id).state, wait_for_scan(sessions, left_id).error) == (
        ScanState.FAILED,
        INTERRUPTED_MESSAGE,
    )


def test_a_scan_whose_process_died_ends_when_somebody_looks(root: Path, sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        session.add(LibraryScan(state=ScanState.QUEUED, roots=[str(root)]))
    LibraryScans(sessions.kw["bind"], [root]).end_interrupted()
    with sessions() as session:
        assert session.scalars(select(LibraryScan.state)).all() == [ScanState.FAILED]


def test_a_scan_that_runs_in_another_process_is_left_alone(root: Path, sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        session.add(LibraryScan(state=ScanState.RUNNING, roots=[str(root)]))
    with sessions() as other_process:
        other_process.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": SCAN_LOCK})
        LibraryScans(sessions.kw["bind"], [root]).end_interrupted()
        assert other_process.scalars(select(LibraryScan.state)).all() == [ScanState.RUNNING]


def test_cancelling_keeps_finished_work(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    for number in range(5):
        sounds(root / f"{number}.mp3", title=str(number))
    with sessions.begin() as session:
        row = LibraryScan(state=ScanState.RUNNING)
        session.add(row)
        session.flush()
        scan_id = row.id

    def after_two(tally: ScanCounts) -> None:
        if tally.added == 2:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        ScanRun(sessions, scan_id, [root], after_two).run()
    assert len(tracks_by_filename(sessions)) == 2
