"""Keeps the whole report of a failed node in a file of the worker, since a job's error has only the reason."""

from __future__ import annotations

from pathlib import Path

MAX_REPORT_BYTES = 1 << 18
MAX_REPORTS = 200


def keep_report(logs: Path, segment_id: int, report: str) -> Path:
    """Write the report below `logs`, and delete the oldest ones. Raises OSError."""
    folder = logs / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"segment-{segment_id}.txt"
    path.write_bytes(_shorten(report.encode(errors="replace")))
    for old in sorted(folder.glob("segment-*.txt"), key=lambda file: file.stat().st_mtime)[:-MAX_REPORTS]:
        old.unlink(missing_ok=True)
    return path


def _shorten(content: bytes) -> bytes:
    """The content, or its two ends if it is too long."""
    half = MAX_REPORT_BYTES // 2
    return content if len(content) <= MAX_REPORT_BYTES else content[:half] + b"\n...\n" + content[-half:]
