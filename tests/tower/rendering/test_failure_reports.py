"""The files with the whole reports of failed nodes."""

from __future__ import annotations

from pathlib import Path

from tower.rendering.failure_reports import MAX_REPORT_BYTES, MAX_REPORTS, keep_report


def test_a_report_is_kept_whole(tmp_path: Path) -> None:
    report = "the heading\n" + "x" * 100_000 + "\nthe reason"
    assert keep_report(tmp_path, 7, report).read_text() == report


def test_a_huge_report_keeps_its_two_ends(tmp_path: Path) -> None:
    kept = keep_report(tmp_path, 7, "first" + "x" * 2_000_000 + "last").read_text()
    assert len(kept) < MAX_REPORT_BYTES + 10
    assert kept.startswith("first")
    assert kept.endswith("last")


def test_only_the_newest_reports_are_kept(tmp_path: Path) -> None:
    for segment_id in range(MAX_REPORTS + 3):
        keep_report(tmp_path, segment_id, "report")
    assert len(list((tmp_path / "reports").iterdir())) == MAX_REPORTS
