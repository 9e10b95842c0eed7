"""The checks of `tower doctor`, a file per topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and how to mend it. `unknown` says in `found` why it could not be known."""

    name: str
    status: Status
    found: str
    mend: str | None = None
