"""The rounds of the quality loop: their results, whether another round is needed, and which one is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from db.models.jobs import ProductionJob
from tower.jobs.steps import StepResult
from tower.quality.adjustments import UNCHANGED, Adjustment, find_adjustment

MAX_ROUNDS = 3


@dataclass(frozen=True)
class RoundResult:
    """One render and its verdict.

    `asset_id` and `path` are None if the engine made no clip in the requested form. `failed`: the names of the metrics
    that failed. `changed`: how the shot differed from the requested one, in words; None in the first round.
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
    """The number of the round that the job continues with."""

    round: int


ROUND_STEPS = tuple(StepResult(f"round_{number}", TypeAdapter(RoundResult)) for number in range(1, MAX_ROUNDS + 1))
KEPT_ROUND_STEP = StepResult("kept_round", TypeAdapter(KeptRound))


def completed_rounds(job: ProductionJob) -> list[RoundResult]:
    """The completed rounds in order, up to the first that cannot be read: that one and all after it are repeated."""
    rounds: list[RoundResult] = []
    for step in ROUND_STEPS:
        completed = step.read(job)
        if completed is None:
            break
        rounds.append(completed)
    return rounds


def kept_round_number(job: ProductionJob) -> int | None:
    """The number of the round that the job continues with; None before it is chosen."""
    kept = KEPT_ROUND_STEP.read(job)
    return kept.round if kept else None


def needs_another_round(rounds: Sequence[RoundResult]) -> bool:
    return len(rounds) < MAX_ROUNDS and not any(ended.passed for ended in rounds)


def next_adjustment(rounds: Sequence[RoundResult]) -> Adjustment:
    """The adjustment for the next round: the sum of the adjustments for all rounds before it."""
    return sum((find_adjustment(ended.failed) for ended in rounds), start=UNCHANGED)


def best_round(rounds: Sequence[RoundResult]) -> RoundResult | None:
    """The round that passed, or else the first with the highest score. None if no round has a clip."""
    with_clip = [ended for ended in rounds if ended.asset_id is not None]
    return max(with_clip, key=lambda ended: (ended.passed, ended.score), default=None)
