"""The retries of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import State, Task, task
from prefect.client.schemas.objects import TaskRun
from sqlalchemy.exc import OperationalError

P = ParamSpec("P")
R = TypeVar("R")
RETRY_DELAYS_S: list[float] = [1, 3, 10]  # a restarting database is back within this time


def retrying_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that is retried while the database is unavailable. Any other error fails it at once."""
    return task(
        name=name,
        task_run_name=name,
        retries=len(RETRY_DELAYS_S),
        retry_delay_seconds=RETRY_DELAYS_S,
        retry_condition_fn=is_database_away,
    )


def is_database_away(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.data, OperationalError)
