"""Whether a worker, and the studio, would render the default workflows now; and the reason if not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NO_WORKER = "no gpu worker is there: start one with `tower up` or `tower worker gpu`"


@dataclass(frozen=True)
class WorkerReadiness:
    """Whether a worker can render now.

    `obstacle`: why it can render no shot. `lacks`: why it cannot render the default workflows.
    """

    name: str
    obstacle: str | None = None
    lacks: str | None = None

    @property
    def reason(self) -> str | None:
        return self.obstacle or self.lacks


@dataclass(frozen=True)
class Readiness:
    """Whether the default workflows of the studio would run now on this engine.

    `reason`: why they would not. `obstacle`: why no shot at all would. `note`: what the pictures are.
    """

    engine: str | None
    workers: tuple[WorkerReadiness, ...] = ()
    reason: str | None = None
    obstacle: str | None = None
    note: str | None = None

    @property
    def is_ready(self) -> bool:
        return self.reason is None


def join_reasons(reasons: Iterable[str]) -> str:
    """The different reasons of the workers in one sentence. Without a worker, that is the reason."""
    return "; ".join(dict.fromkeys(reasons)) or NO_WORKER
