"""The rounds of the quality loop: what came of each, whether another is worth it, which is the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from db.models.jobs import ProductionJob
from tower.jobs.steps import Step
from tower.quality.adjustments import AGAIN, Change, remedy

MOST_ROUNDS = 3


@dataclass(frozen=True)
class Round:
    """One render and its verdict.

    `asset_id` and `path` are None where the engine made no clip of the form that was asked for. `failed`: the metrics
    that did. `changed`: what was made otherwise than asked, in words; None in the first round.
    """

    number: int
    asset_id: int | None
    path: str | None
    score: float
    passed: bool
    reason: str | None
    failed: tuple[str, ...] = ()
    changed: str | None = None


@dataclass(frozen=True)
class KeptRound:
    """The number of the round that the job goes on with."""

    round: int


ROUNDS = tuple(Step(f"round_{number}", TypeAdapter(Round)) for number in range(1, MOST_ROUNDS + 1))
KEPT_ROUND = Step("kept_round", TypeAdapter(KeptRound))


def rounds_of(job: ProductionJob) -> list[Round]:
    """Those that are over, in their order. The first that cannot be read is done again, and those after it."""
    rounds: list[Round] = []
    for step in ROUNDS:
        ended = step.get(job)
        if ended is None:
            break
        rounds.append(ended)
    return rounds


def kept_round(job: ProductionJob) -> int | None:
    """The number of the round that the job goes on with; None before that is known."""
    kept = KEPT_ROUND.get(job)
    return kept.round if kept else None


def another(rounds: Sequence[Round]) -> bool:
    return len(rounds) < MOST_ROUNDS and not any(one.passed for one in rounds)


def change_after(rounds: Sequence[Round]) -> Change:
    """What the next round makes otherwise than asked: the remedies of all before it, added up."""
    return sum((remedy(one.failed) for one in rounds), start=AGAIN)


def best_of(rounds: Sequence[Round]) -> Round | None:
    """The one that passed, or the one with the highest score; of equals the first. None if none has a clip."""
    made = [one for one in rounds if one.asset_id is not None]
    return max(made, key=lambda one: (one.passed, one.score), default=None)
