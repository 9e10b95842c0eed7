"""The steps of the quality loop: render a round, judge it, and keep the best round at the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob, Stage
from tasks.dispatch import Take, render
from tasks.jobs import stage
from tasks.quality import judged
from tasks.resources import resources
from tasks.retries import step
from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.quality.adjustments import in_words
from tower.quality.record import keep_verdict, record_verdict
from tower.quality.rounds import KEPT_ROUND, ROUNDS, KeptRound, Round, best_of, rounds_of
from tower.quality.verdict import Assessment
from tower.rendering.segments import RENDER_ENDS, shots_of_rounds
from tower.shots.cast import Cast
from tower.shots.planning import plan_round
from tower.shots.prompts import EnhancedPrompt

OF_ANOTHER_FORM = (
    ErrorCode.NOT_AS_ASKED,
    ErrorCode.COMFYUI_WRONG_FRAMES,
)  # the clip has the wrong size or length, and was refused before it was stored


def rounds_so_far(attempt: Attempt) -> list[Round]:
    """Read the rounds that earlier runs of this job finished."""
    with resources().sessions() as session:
        return rounds_of(session.get_one(ProductionJob, attempt.job_id))


async def render_round(
    attempt: Attempt, cast: Cast, words: EnhancedPrompt, rounds: Sequence[Round]
) -> Take | RenderError:
    """Render the next round with the changes that earlier rounds call for.

    Returns the error if the clip has the wrong size or length.
    """
    try:
        [take] = await render(attempt, cast, words, partial(plan_round, rounds=rounds))
    except RenderError as error:
        if error.code not in OF_ANOTHER_FORM:
            raise
        return error
    return take


@step("quality check")
def judge_round(attempt: Attempt, made: Take | RenderError, *, number: int) -> Round:
    """Judge the result of the round and store the verdict, which finishes the round."""
    with stage(attempt, Stage.QUALITY, progress=RENDER_ENDS) as measurements:
        measurements["round"] = number
        take = made if isinstance(made, Take) else None
        verdict = judged(attempt, take) if take else Assessment.without_clip(str(made))
        with resources().sessions.begin() as session:
            asset_id = take.asset_id if take else None
            record_verdict(session, attempt, asset_id=asset_id, assessment=verdict, round_number=number)
            finished = Round(
                number=number,
                asset_id=asset_id,
                path=take.path if take else None,
                score=verdict.score,
                passed=verdict.passed,
                reason=verdict.reason,
                failed=tuple(metric.name for metric in verdict.metrics if metric.passed is False),
                changed=_describe_change(session, attempt, number),
            )
            ROUNDS[number - 1].put(session, attempt, finished)
    return finished


@step("keep the best")
def keep_best(attempt: Attempt, rounds: Sequence[Round]) -> tuple[Take, float]:
    """Return the take of the best round, and its score. If it did not pass, the reason becomes a warning.

    Raises RenderError if no round has a clip; a retry then starts from the first round.
    """
    best = best_of(rounds)
    if best is None or best.asset_id is None or best.path is None:
        with resources().sessions.begin() as session:
            for finished in rounds:
                ROUNDS[finished.number - 1].forget(session, attempt)
        raise RenderError(
            f"None of {len(rounds)} renders has the requested size and length; the last: {rounds[-1].reason}"
        )
    with resources().sessions.begin() as session:
        keep_verdict(session, attempt, round_number=best.number)
        KEPT_ROUND.put(session, attempt, KeptRound(best.number))
        if not best.passed:
            summary = f"Quality: none of {len(rounds)} rounds passed; round {best.number} was kept"
            lifecycle.warn(session, attempt, f"{summary}: {best.reason}")
    return Take(best.asset_id, best.path), best.score


def _describe_change(session: Session, attempt: Attempt, number: int) -> str | None:
    shots = shots_of_rounds(session, attempt.job_id)
    return None if number == 1 else in_words(shots[1], shots[number])
