"""How stubborn a step is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import State, Task, task
from prefect.client.schemas.objects import TaskRun
from sqlalchemy.exc import OperationalError

P = ParamSpec("P")
R = TypeVar("R")
PATIENCE_S: list[float] = [1, 3, 10]  # a database that restarts is back by then


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task that waits for a database that is away, and gives up at once on anything else."""
    return task(
        name=name,
        task_run_name=name,
        retries=len(PATIENCE_S),
        retry_delay_seconds=PATIENCE_S,
        retry_condition_fn=database_is_away,
    )


def database_is_away(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.data, OperationalError)
