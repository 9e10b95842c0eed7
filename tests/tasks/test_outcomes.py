"""The outcome of a run: which errors fail its job, and which leave the job to be begun again."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from prefect.exceptions import ObjectNotFound
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
