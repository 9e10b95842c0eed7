"""The failures that a worker may have. The supervisor reads this too, so nothing here imports SQLAlchemy."""

from __future__ import annotations

from datetime import timedelta

UNWELL_AFTER_FAILURES = 3  # failures in a row
FAILURES_AFTER_RECOVERY = UNWELL_AFTER_FAILURES - 1  # one more makes the worker unwell again
PRESENT_WITHIN = timedelta(minutes=1)  # since its last report, for a worker to count as there
SEEN_RECENTLY = timedelta(minutes=5)  # workers report every 15 s; a killed worker stops counting after this time
