"""Translates the end of a run's work to a Prefect state."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from sqlalchemy.exc import OperationalError

from tower.errors import CancelledError, SupersededError, TowerError

log = logging.getLogger("tower.runs")


async def outcome_of(
    work: Callable[[], Awaitable[None]], *, on_failure: Callable[[TowerError], Awaitable[None]]
) -> State[None]:
    """Do the work, and call `on_failure` with an error that another try would not fix.

    A lost database raises without this call, as a killed process would: the job's run is then restarted from outside.
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
    except OperationalError:
        raise
    except Exception as error:
        await on_failure(TowerError(f"Unexpected {type(error).__name__}: {error}"[:500]))
        raise
    return Completed()
