"""One scan at a time: it can be cancelled, and one whose service died is failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.engine import Sessions
from db.models.library import LibraryScan, ScanState
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import ended, figures, scan, tracks
from tower.errors import CancelledError, ConflictError
from tower.library.scanning import Scanning, Tally
from tower.library.scans import INTERRUPTED, LibraryScans


def test_one_scan_at_a_time_and_it_can_be_cancelled(root: Path, sounds: Make, sessions: Sessions) -> None:
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
    stopped = ended(sessions, scan_id)
    assert stopped.state == ScanState.CANCELLED
    assert stopped.files_seen < 400
    assert figures(scan(sessions, root))["files_seen"] == 400


def test_scan_of_a_service_that_died_is_said_to_have_failed(root: Path, sessions: Sessions) -> None:
    with sessions.begin() as session:
        left = LibraryScan(state=ScanState.RUNNING, roots=[str(root)])
        session.add(left)
        session.flush()
        left_id = left.id
    scan(sessions, root)
    assert (ended(sessions, left_id).state, ended(sessions, left_id).error) == (ScanState.FAILED, INTERRUPTED)


def test_cancelling_keeps_what_was_done(root: Path, sounds: Make, sessions: Sessions) -> None:
    for number in range(5):
        sounds(root / f"{number}.mp3", title=str(number))
    with sessions.begin() as session:
        row = LibraryScan(state=ScanState.RUNNING)
        session.add(row)
        session.flush()
        scan_id = row.id

    def after_two(tally: Tally) -> None:
        if tally.added == 2:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        Scanning(sessions, scan_id, [root], after_two).run()
    assert len(tracks(sessions)) == 2
