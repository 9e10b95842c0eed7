"""Translates the end of a run's work to a Prefect state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import httpx
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound, TerminationSignal
from prefect.states import Cancelled, Completed, Failed
from sqlalchemy.exc import OperationalError

from tower.errors import CancelledError, SupersededError, TowerError
from tower.errors.foreign import reason_of

log = logging.getLogger("tower.runs")
# The database or Prefect is away, or Prefect no longer knows this run. Our own clients raise a TowerError instead.
RUN_LOST_ERRORS = (OperationalError, httpx.HTTPError, ObjectNotFound)


async def outcome_of(
    work: Callable[[], Awaitable[None]], *, on_failure: Callable[[TowerError], Awaitable[None]]
) -> State[None]:
    """Do the work, and call `on_failure` with an error that another try would not fix.

    A lost database, a lost run or a signal raises without this call, as a killed process would: the job is then
    restarted from outside.
    """
    try:
        await work()
    except (CancelledError, SupersededError) as ended:
        log.info("Stopped: %s", ended.message)
        return Cancelled(message=ended.message)
    except TowerError as error:
        log.warning("Failed: %s", error.message, extra={"code": error.code})
        await on_failure(error)
        return Failed(message=error.message)
    except RUN_LOST_ERRORS:
        raise
    except Exception as error:
        if _is_ended_from_outside(error):
            raise
        log.exception("Failed unexpectedly")
        await on_failure(TowerError(f"The run failed: {reason_of(error)}. Its log has the details"))
        raise
    return Completed()


def _is_ended_from_outside(error: Exception) -> bool:
    """Whether a signal or a cancellation of this run is behind the error.

    One that arrives while Prefect creates the run of a task surfaces as a ValueError of Prefect (3.9.1).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        return True
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, TerminationSignal):
        behind = behind.__context__
    return behind is not None
