"""How a run ends in Prefect, given how its work ended."""

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
    """Do the work; tell `on_failure` of a fault that trying again would not mend.

    A lost database or a killed process is no such fault: nobody is told, and the run is begun again from outside.
    """
    try:
        await work()
    except (CancelledError, SupersededError) as ended:
        log.info("Left: %s", ended.message)
        return Cancelled(message=ended.message)
    except TowerError as error:
        log.warning("Failed: %s", error.message, extra={"code": error.code})
        await on_failure(error)
        return Failed(message=error.message)
    except OperationalError:
        raise
    except Exception as bug:
        await on_failure(TowerError(f"Unexpected {type(bug).__name__}: {bug}"[:500]))
        raise
    return Completed()
