"""A worker's row in the table `workers`, through psycopg: without SQLAlchemy a supervisor uses 28 MB less.

The render task counts failures in the same row (tower/rendering/workers.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from deployments.external import first_error_line, to_libpq_url
from deployments.gpu_info import Gpu
from tower.errors import StackError
from tower.errors.foreign import one_line
from tower.rendering.failure_limits import FAILURES_AFTER_RECOVERY

WorkerState = Literal["ready", "stopped"]
_WAIT_S = 2  # short, because a call blocks the supervisor
_REPORT = """
insert into public.workers
    (name, host, slots, engine, engines, comfyui_url, gpu, vram_total_bytes, vram_free_bytes, state)
values (%(name)s, %(host)s, %(slots)s, %(engine)s, %(engines)s, %(comfyui_url)s, %(gpu)s, %(vram_total_bytes)s,
        %(vram_free_bytes)s, coalesce(%(state)s, 'ready'))
on conflict (name) do update set
    host = excluded.host, slots = excluded.slots, engine = excluded.engine, engines = excluded.engines,
    comfyui_url = excluded.comfyui_url, gpu = excluded.gpu, vram_total_bytes = excluded.vram_total_bytes,
    vram_free_bytes = excluded.vram_free_bytes,
    state = coalesce(%(state)s, workers.state), seen_at = now(),
    started_at = case when %(starts)s then now() else workers.started_at end
"""
_CONDITION = """
select state = 'unwell' as unwell, failures_in_a_row, last_failure, last_failure_code,
       exists (select from public.render_queue q where q.worker = workers.name and q.state = 'processing') as renders
from public.workers where name = %(name)s
"""
_RECOVERED = """
update public.workers set state = 'ready', failures_in_a_row = %(failures)s where name = %(name)s and state = 'unwell'
"""
_REASON = """
update public.workers set last_failure = %(reason)s, last_failure_at = now() where name = %(name)s and state = 'unwell'
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerReport:
    """What a supervisor reports of its worker. `engine` renders shots that name none of `engines`."""

    host: str
    slots: int
    engine: str
    comfyui_url: str | None
    gpu: Gpu | None
    engines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class WorkerCondition:
    """The failures that the worker's renders recorded. `renders` means that it renders a segment now."""

    unwell: bool
    failures_in_a_row: int
    last_failure: str | None
    last_failure_code: str | None
    renders: bool


class WorkerRow:
    """Keeps one connection. If the database is unreachable or slow, a call returns False or None; the next reconnects.

    Raises StackError if the schema does not match.
    """

    def __init__(self, database_url: str, name: str) -> None:
        self.name = name
        self._url = to_libpq_url(database_url)
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def report(self, report: WorkerReport, *, state: WorkerState | None = None) -> bool:
        """Write the report; return whether it was stored. Without `state` a row keeps its state; a new row is ready."""
        gpu = asdict(report.gpu) if report.gpu else {"name": None, "vram_total_bytes": None, "vram_free_bytes": None}
        values = asdict(report) | gpu | {"gpu": gpu["name"], "state": state, "starts": state == "ready"}
        return self._execute(_REPORT, values) is not None

    def read_condition(self) -> WorkerCondition | None:
        """None if the worker has no row or the database does not answer."""
        cursor = self._execute(_CONDITION, {})
        row = cursor.fetchone() if cursor else None
        return WorkerCondition(**row) if row else None

    def mark_recovered(self) -> bool:
        """Mark the worker ready; one more failure makes it unwell again. Returns whether the change was stored."""
        return self._execute(_RECOVERED, {"failures": FAILURES_AFTER_RECOVERY}) is not None

    def write_reason(self, reason: str) -> None:
        """Replace the reason of a resting worker by the present one."""
        self._execute(_REASON, {"reason": one_line(reason)})

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _execute(self, statement: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]] | None:
        try:
            self._connection = self._connection or self._connect()
            return self._connection.execute(statement, {**values, "name": self.name})
        except psycopg.OperationalError as error:
            log.debug("The database did not answer for %s: %s", self.name, error)
            self.close()
            return None
        except psycopg.ProgrammingError as error:
            raise StackError(
                f"The schema of the database does not match this version of Tower ({first_error_line(error)}): "
                "run `tower migrate`, or install the stack's version here."
            ) from error

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            application_name="tower-worker",
            connect_timeout=_WAIT_S,
            tcp_user_timeout=_WAIT_S * 1000,
            options=f"-c statement_timeout={_WAIT_S}s -c timezone=UTC",
        )
