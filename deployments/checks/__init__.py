"""The checks of `tower doctor`, a file per topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CheckStatus = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True)
class Check:
    """The result of one check. `found` describes the state (why it is unknown, for `unknown`), `mend` the remedy."""

    name: str
    status: CheckStatus
    found: str
    mend: str | None = None
