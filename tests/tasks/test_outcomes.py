"""The outcome of a run: which errors fail its job, and which leave the job to be begun again."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest
from prefect.exceptions import ObjectNotFound, TerminationSignal
from sqlalchemy.exc import OperationalError

from tasks.outcomes import outcome_of
from tower.errors import TowerError

CONFLICT = httpx.HTTPStatusError(
    "Client error '409 Conflict' for url 'http://127.0.0.1:4200/api/task_runs/'",
    request=httpx.Request("POST", "http://127.0.0.1:4200/api/task_runs/"),
    response=httpx.Response(409),
)


def run(error: Exception) -> list[TowerError]:
    """Raise `error` in a run. Returns the errors that its job failed with; raises what the run raises."""
    failures: list[TowerError] = []

    async def work() -> None:
        raise error

    async def fail(failure: TowerError) -> None:
        failures.append(failure)

    with pytest.raises(type(error)):
        asyncio.run(outcome_of(work, on_failure=fail))
    return failures


@pytest.mark.parametrize(
    "error",
    [CONFLICT, httpx.ConnectError("refused"), ObjectNotFound(CONFLICT), OperationalError("select 1", {}, OSError())],
    ids=["deleted run", "Prefect away", "unknown run", "database away"],
)
def test_a_lost_run_does_not_fail_its_job(error: Exception) -> None:
    assert run(error) == []


def test_an_unexpected_error_fails_its_job_without_the_text_of_others() -> None:
    [failure] = run(ValueError("connection to 10.0.0.7, port 5432\nDETAIL: password"))
    assert failure.message == "The run failed: an unexpected ValueError. Its log has the details"


def end_with_a_signal() -> None:
    raise TerminationSignal(signal.SIGTERM)


async def end_with_a_cancellation() -> None:
    current = asyncio.current_task()
    assert current is not None
    current.cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize("is_signal", [True, False], ids=["signal", "cancellation"])
def test_an_end_from_outside_behind_an_error_of_prefect_does_not_fail_the_job(is_signal: bool) -> None:
    failures: list[TowerError] = []

    async def create_task_run() -> None:
        try:
            end_with_a_signal() if is_signal else await end_with_a_cancellation()
        except BaseException as ending:
            raise ValueError("Task run is not set") from ending  # as Prefect's own handler does

    async def fail(failure: TowerError) -> None:
        failures.append(failure)

    with pytest.raises(ValueError, match="Task run is not set"):
        asyncio.run(outcome_of(create_task_run, on_failure=fail))
    assert failures == []


def test_a_timeout_of_the_work_itself_fails_the_job() -> None:
    failures: list[TowerError] = []

    async def work() -> None:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)

    async def fail(failure: TowerError) -> None:
        failures.append(failure)

    with pytest.raises(TimeoutError):
        asyncio.run(outcome_of(work, on_failure=fail))
    assert [failure.code for failure in failures] == ["INTERNAL_ERROR"]
