"""The failures that a worker may have. The supervisor reads this too, so nothing here imports SQLAlchemy."""

from __future__ import annotations

UNWELL_AFTER_FAILURES = 3  # failures in a row
FAILURES_AFTER_RECOVERY = UNWELL_AFTER_FAILURES - 1  # one more makes the worker unwell again
