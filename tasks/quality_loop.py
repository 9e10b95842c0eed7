"""The steps of the quality loop: render a round, judge it, and keep the best round at the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob, Stage
from tasks.dispatch import TakeRef, render_segments
from tasks.jobs import enter_stage
from tasks.quality import judge_take
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.jobs import attempts
from tower.jobs.attempts import Attempt
from tower.quality.adjustments import describe_adjustment
from tower.quality.record import choose_final_verdict, record_verdict
from tower.quality.rounds import KEPT_ROUND_STEP, ROUND_STEPS, KeptRound, RoundResult, best_round, completed_rounds
from tower.quality.verdict import Assessment
from tower.rendering.segments import RENDER_ENDS, read_shots_by_round
from tower.shots.cast import Cast
from tower.shots.planning import plan_round
from tower.shots.prompts import EnhancedPrompt

WRONG_FORM_CODES = (
    ErrorCode.NOT_AS_ASKED,
    ErrorCode.COMFYUI_WRONG_FRAMES,
)  # the clip has the wrong size or length, and was refused before it was stored


def read_finished_rounds(attempt: Attempt) -> list[RoundResult]:
    """Read the rounds that earlier runs of this job finished."""
    with resources().sessions() as session:
        return completed_rounds(session.get_one(ProductionJob, attempt.job_id))


async def render_round(
    attempt: Attempt, cast: Cast, words: EnhancedPrompt, rounds: Sequence[RoundResult]
) -> TakeRef | RenderError:
    """Render the next round with the changes that earlier rounds call for.

    Returns the error if the clip has the wrong size or length.
    """
    try:
        [take] = await render_segments(attempt, cast, words, partial(plan_round, rounds=rounds))
    except RenderError as error:
        if error.code not in WRONG_FORM_CODES:
            raise
        return error
    return take


@retrying_task("quality check")
def judge_round(attempt: Attempt, result: TakeRef | RenderError, *, number: int) -> RoundResult:
    """Judge the result of the round and store the verdict, which finishes the round."""
    with enter_stage(attempt, Stage.QUALITY, progress=RENDER_ENDS) as measurements:
        measurements["round"] = number
        take = result if isinstance(result, TakeRef) else None
        verdict = judge_take(attempt, take) if take else Assessment.without_clip(str(result))
        with resources().sessions.begin() as session:
            asset_id = take.asset_id if take else None
            record_verdict(session, attempt, asset_id=asset_id, assessment=verdict, round_number=number)
            finished = RoundResult(
                number=number,
                asset_id=asset_id,
                path=take.path if take else None,
                score=verdict.score,
                passed=verdict.passed,
                reason=verdict.reason,
                failed=tuple(metric.name for metric in verdict.metrics if metric.passed is False),
                changed=_describe_change(session, attempt, number),
            )
            ROUND_STEPS[number - 1].write(session, attempt, finished)
    return finished


@retrying_task("keep the best")
def keep_best(attempt: Attempt, rounds: Sequence[RoundResult]) -> tuple[TakeRef, float]:
    """Return the take of the best round, and its score. If it did not pass, the reason becomes a warning.

    Raises RenderError if no round has a clip; a retry then starts from the first round.
    """
    best = best_round(rounds)
    if best is None or best.asset_id is None or best.path is None:
        with resources().sessions.begin() as session:
            for finished in rounds:
                ROUND_STEPS[finished.number - 1].forget(session, attempt)
        raise RenderError(
            f"None of {len(rounds)} renders has the requested size and length; the last: {rounds[-1].reason}"
        )
    with resources().sessions.begin() as session:
        choose_final_verdict(session, attempt, round_number=best.number)
        KEPT_ROUND_STEP.write(session, attempt, KeptRound(best.number))
        if not best.passed:
            summary = f"Quality: none of {len(rounds)} rounds passed; round {best.number} was kept"
            attempts.add_warnings(session, attempt, f"{summary}: {best.reason}")
    return TakeRef(best.asset_id, best.path), best.score


def _describe_change(session: Session, attempt: Attempt, number: int) -> str | None:
    shots = read_shots_by_round(session, attempt.job_id)
    return None if number == 1 else describe_adjustment(shots[1], shots[number])
